"""Values as they go wrong in real deliveries."""

from accord.training.dice import Dice


def private_address(dice: Dice) -> str:
    """An address that no route leads to (RFC 1918, 3927, 6598, 5737)."""
    head = dice.one(("10.{}.{}.{}", "192.168.{1}.{2}", "172.16.{1}.{2}", "169.254.{1}.{2}", "100.64.{1}.{2}"))
    return head.format(*(dice.between(1, 254) for _ in range(3)))


def impossible_address(dice: Dice) -> str:
    """Something that looks like an IPv4 address and is none."""
    form = dice.one(("{}.{}.{}.300", "{}.{}.{}", "256.{}.{}.{}", "0{}.0{}.0{}.07"))
    return form.format(*(dice.between(10, 99) for _ in range(3)))


def bad_host_name(dice: Dice) -> str:
    """A name that the DNS or IDNA 2008 does not permit."""
    return dice.one(("-sim-bad{}.com", "sim_under{}.net", "si--m{}.org", "sim-{}..com", "sim-bad{}-.com")).format(
        dice.between(10, 99)
    )


def impossible_port(dice: Dice) -> int:
    """A number that is no port."""
    return dice.one((0, 65536, 70000, 99999))


def impossible_time(dice: Dice) -> str:
    """A time that no calendar has."""
    return dice.one(("2017-02-30T10:00:00Z", "2017-13-01T00:00:00Z", "0000-00-00 00:00:00", "yesterday"))
