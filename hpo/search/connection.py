"""Connections to PostgreSQL that end where no answer comes, and that nothing outlives unseen.

A server that is frozen keeps its connections: its kernel acknowledges what is sent, so that libpq's keepalives and
``tcp_user_timeout`` see nothing, and limits such as ``statement_timeout`` are the frozen server's own. So the client counts.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Generator
from typing import Any, TypeVar

from psycopg import Connection, OperationalError, waiting

T = TypeVar("T")

ANSWER = 60.0  # seconds in which a server says something to what it was asked
LOOK = 0.1  # seconds between two looks at the clock, and for signals


class HeardConnection(Connection[Any]):
    """A connection that is closed when the server says nothing for ``ANSWER`` seconds, or the user wants to stop.

    Raises:
        psycopg.OperationalError: (any method that waits) nothing was heard.
    """

    def wait(self, gen: Generator[Any, Any, T], *_args: Any, **_more: Any) -> T:
        """What psycopg's generator of one exchange with the server returns."""
        try:
            return waiting.wait(self._heard(gen), self.pgconn.socket, LOOK)
        except KeyboardInterrupt:  # psycopg's own would have the server cancel, and wait ten seconds for it
            self.pgconn.finish()
            raise

    def _heard(self, gen: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        """The same generator, as long as the socket is ready now and then."""
        heard = time.monotonic()
        try:
            state = next(gen)
            while True:
                ready = yield state  # 0 where psycopg has only looked again
                if ready:
                    heard = time.monotonic()
                elif time.monotonic() - heard > ANSWER:
                    self.pgconn.finish()
                    raise OperationalError(f"no answer for {ANSWER:g} seconds")
                state = gen.send(ready)
        except StopIteration as end:
            found: T = end.value
            return found


class Connections:
    """Makes the connections of one process to one database.

    Args:
        arguments: libpq's, by name.
    """

    def __init__(self, arguments: dict[str, Any]) -> None:
        self._name = f"hpo-{secrets.token_hex(8)}"
        self._arguments = {**arguments, "application_name": self._name}
        self._lost = False

    def lost(self) -> None:
        """A connection was lost; what was sent by it may still be done, late."""
        self._lost = True

    def connect(self) -> HeardConnection:
        """A new connection; by then nothing is done any more that was sent by a lost one.

        Raises:
            psycopg.OperationalError: there is none, or none yet.
        """
        made = HeardConnection.connect(**self._arguments)
        if self._lost:
            ended = made.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name = %s and pid <> pg_backend_pid()",
                [self._name],
            ).fetchall()
            made.rollback()
            if ended:  # is told to end, and may do so late: looked at again by the next try
                made.close()
                raise OperationalError("the server has not ended a lost connection yet")
            self._lost = False
        return made
