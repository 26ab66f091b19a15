"""The checklists of ACL and NeurIPS, filled from the records."""

from __future__ import annotations

from hpo.records.base import NOT_RECORDED
from hpo.records.run import Records
from hpo.report.kit.checklist import AUTHORS, checklist_tables
from hpo.report.section import Section
from hpo.report.sentences import Verdict
from hpo.report.text import counted


def checklist_section(records: Records, judged: Verdict) -> Section:
    """One table a checklist; never absent, for what is not recorded is an answer too."""
    tables = checklist_tables(records, judged)
    answers = [row[-1] for table in tables for row in table.rows]
    missing = sum(NOT_RECORDED in answer and answer != AUTHORS for answer in answers)
    text = (
        f"Of {counted(len(answers), 'item')}, {answers.count(AUTHORS):,} ask for what no record of a run can know, and "
        f"{missing:,} for something that this run did not record. The others are answered by what was recorded; whether "
        "that is enough is for the reader to say."
    )
    return Section("checklist", "Checklists", (text,), tables)
