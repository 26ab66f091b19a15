"""Records whose every name holds what LaTeX takes for itself, and what its fonts lack."""

from __future__ import annotations

from synthetic_records import make_records

from hpo.records.run import Records

STRATEGIES = (
    r"a_b%c&d#e$f\g~h^i",
    "{brace} [x] *",
    "λ₁ ≤ 0.5 “Łódź”",
    "余弦 schedule 😀",
    r"\input{/etc/passwd} --x ,,y",
    "[64, 32]",
)
# How they read in print: what T1 fonts lack stands as its code point.
PRINTED = (
    r"a_b%c&d#e$f\g~h^i",
    "{brace} [x] *",
    "λ1 ≤ 0.5 “Łódź”",
    "U+4F59 U+5F26 schedule U+1F600",
    r"\input{/etc/passwd} --x ,,y",
    "[64, 32]",
)


def nasty_records(replicates: int = 3) -> Records:
    skills = dict(zip(STRATEGIES, (0.735, 0.775, 0.782, 0.768, 0.778, 0.75), strict=True))
    records = make_records(skills, replicates=replicates, baseline=r"50%_$base\line^~#&{}")
    run = records.run
    split = run.split.model_copy(
        update={
            "labels": (r"neg_%&#$\~^{}", "pos😀é"),
            "source": r"data_set 100% {raw} at https://example.org/a_b?c=d&e=f#g~h",
            "licence": "CC-BY 4.0 & {other} 50%",
            "groups": tuple(item // 5 for item in range(run.split.test)),
        }
    )
    head = run.model_copy(
        update={
            "question": r"Which of A_B & C% wins at $5^{2}$ ~ #1 \end{document}? Größe, naïve, 余弦 <b>|</b>",
            "name": "run_1 & 50% #x",
            "task": "ta_sk%",
            "split": split,
            "model": run.model.model_copy(
                update={"source": "org/mödel_v2~x^2 {y}", "licence": "Apache_2.0 #1"}
            ),
            "device": run.device.model_copy(update={"name": "CPU #0 & GPU_1 100%"}),
            "space": tuple(p.model_copy(update={"meaning": r"50% of $x_1$ & {y}^~\z"}) for p in run.space),
            "metric": run.metric.model_copy(update={"name": "F_1 & 50% ~^score"}),
            "versions": {"hpo": "0.1.0", "my_pkg#1": "1.0%beta_2"},
        }
    )
    return records.model_copy(update={"run": head})
