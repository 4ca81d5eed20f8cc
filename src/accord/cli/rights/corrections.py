"""How it is said what of a value is kept out, because it was erased or corrected."""

from accord.release.erased import KeptOut


def kept_out_told(out: KeptOut | None) -> dict[str, object] | None:
    """What is kept out, for programs."""
    if out is None:
        return None
    roles = None if out.roles is None else sorted(out.roles)
    return {"since": out.at.isoformat(), "kind": out.kind.value, "roles": roles}


def kept_out_in_words(out: KeptOut) -> str:
    """What is kept out, for people."""
    what = (
        "not taken in again" if out.roles is None else f"not used as {', '.join(sorted(out.roles))}, whoever says so,"
    )
    return f"{what} since {out.at:%Y-%m-%d}, unless `accord subject allow` lets it be"
