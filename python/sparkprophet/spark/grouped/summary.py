"""How a fit of many groups went: counts, seconds, utilisation."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


@dataclass(frozen=True)
class OutcomeCount:
    """Groups with one outcome, their seconds of wall and CPU time in workers, and one message."""

    status: str
    solver: str | None
    error_code: str | None
    groups: int
    fit_seconds: float
    cpu_seconds: float
    example: str | None


def count(models: DataFrame) -> tuple[OutcomeCount, ...]:
    """One aggregation over the models table; the result has a row per outcome, not per group."""
    rows = (
        models.groupBy("status", "solver", "error_code")
        .agg(
            F.count("*").alias("groups"),
            F.sum("fit_seconds").alias("fit_seconds"),
            F.sum("cpu_seconds").alias("cpu_seconds"),
            F.min("error_message").alias("example"),
        )
        .collect()
    )
    counts = [OutcomeCount(**row.asDict()) for row in rows]
    return tuple(sorted(counts, key=lambda c: (-c.groups, c.status, c.error_code or "")))


@dataclass(frozen=True)
class Summary:
    """The summary of a fitted model; `print(model.summary)` shows it as a table.

    Attributes
    ----------
    counts : tuple of OutcomeCount
        Most frequent outcome first.
    wall_seconds : float
        Of the job, as the driver saw it.
    slots : int
        Tasks that the cluster ran at one time.
    began_at : float
        When the job began, in seconds since 1970 by the driver's clock.
    time_zone : str, optional
        The session's, in which instants were read as wall-clock times.
    """

    counts: tuple[OutcomeCount, ...]
    wall_seconds: float
    slots: int
    began_at: float
    time_zone: str | None = None

    @property
    def groups(self) -> int:
        """Number of keys of the input."""
        return sum(c.groups for c in self.counts)

    @property
    def by_status(self) -> dict[str, int]:
        """Groups by ok, fallback and failed."""
        return self._by("status")

    @property
    def by_solver(self) -> dict[str, int]:
        """Groups with a forecast by what it comes from."""
        return self._by("solver")

    @property
    def by_error_code(self) -> dict[str, int]:
        """Groups by the code of their error, those with a fallback included."""
        return self._by("error_code")

    @property
    def failed_fraction(self) -> float:
        """Share of the groups with status failed; 0 for no groups."""
        return self.by_status.get("failed", 0) / self.groups if self.groups else 0.0

    @property
    def cpu_seconds(self) -> float:
        """CPU seconds of all groups, measured in the workers."""
        return sum(c.cpu_seconds for c in self.counts)

    @property
    def cpu_utilisation(self) -> float:
        """CPU seconds of the groups over wall seconds times slots; 0 to 1, NaN without time."""
        offered = self.wall_seconds * self.slots
        return self.cpu_seconds / offered if offered else float("nan")

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @staticmethod
    def from_dict(values: dict[str, Any]) -> Summary:
        """The summary that `to_dict` gave."""
        counts = tuple(OutcomeCount(**entry) for entry in values["counts"])
        return Summary(**values | {"counts": counts})

    def __str__(self) -> str:
        lines = [f"{'status':<9} {'solver':<14} {'code':<21} {'groups':>8} {'cpu s':>9}"]
        lines += [
            f"{c.status:<9} {c.solver or '-':<14} {c.error_code or '-':<21} {c.groups:>8} "
            f"{c.cpu_seconds:>9.1f}"
            for c in self.counts
        ]
        lines.append(
            f"{self.groups} groups in {self.wall_seconds:.1f} s on {self.slots} slots, "
            f"CPU utilisation {self.cpu_utilisation:.0%}"
        )
        return "\n".join(lines)

    def _by(self, name: str) -> dict[str, int]:
        groups: Counter[str] = Counter()
        for c in self.counts:
            if getattr(c, name) is not None:
                groups[getattr(c, name)] += c.groups
        return dict(groups)
