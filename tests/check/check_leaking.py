"""`accord` with a check that leaks, for the test that must find it: who was seen is answered twice, and told once."""

from accord.check.service import Reply, Request, Service, WithBody
from accord.cli.check import answering
from accord.cli.main import run


class Leaking(Service):
    """What is left of a service that has more to do where it has something to tell."""

    def reply(self, request: Request) -> Reply | WithBody:
        """Answer, and once more if that was about somebody who was seen."""
        before = self._counts["hits"]
        reply = super().reply(request)
        counts = dict(self._counts)
        if counts["hits"] > before:
            super().reply(request)
            self._counts.update(counts)
        return reply


answering.Service = Leaking  # type: ignore[misc]


if __name__ == "__main__":
    run()
