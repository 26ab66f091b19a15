"""The report of a run, from its records alone."""

from hpo.report.sentences import Verdict, verdict
from hpo.report.writing import Report, write_report

__all__ = ["Report", "Verdict", "verdict", "write_report"]
