"""The page of the exploration: `docs/eda.md`, made of the committed table and of nothing else."""

from models.card import Metric
from training.data.table import Table
from training.documents.exploration import (
    correlate,
    differ,
    gain_of_cholesterol,
    measure_memory,
    measure_share,
    shares_diseased,
    slope_by_age,
)
from training.documents.markdown import GENERATED, figure, grid

PAGE = """{generated}

# The table, looked at

What the {patients} patients of the Cleveland table say before any model; `python -m training eda` draws the pictures
and writes this page. An interval is the middle 95 % of 2000 bootstrap samples of patients; none is corrected for how
many figures are shown. All were sent for an angiogram: these are associations among them, and say nothing of others.

## Types and memory

{types}

The columns take {before:,} bytes as pandas reads them, and {after:,} in small types: nine categories, int8 and int16,
and float16 for `oldpeak`. That helps nobody with 303 rows and is done for looking only: a float16 holds 6.2 as 6.199,
so what is fitted stays in double precision.

## 1. Target balance

![How many patients have the disease](eda/target.png)

{balance} of the patients have the disease: no class is rare, and nothing needs to be drawn again or left out. The
original left out healthy patients until the classes were equal, and so shifted every risk.

## 2. Sex by disease

![Share of the diseased among women and men](eda/sex.png)

{sex}

## 3. Correlation of features

![Spearman's correlation of the measures and the disease](eda/correlation.png)

Spearman's correlation with the disease:

{correlation}

**Why `chol` goes.** Of all measures it goes least with the disease: {chol}, and part of that is age. Added to the
logistic regression it changes the nested ROC AUC by {gain}: no gain that could be told from chance.
It is accepted by the service and not used, so nobody must draw blood for it.

## 4. Cholesterol by age

![Cholesterol over age](eda/cholesterol.png)

It rises by {chol_slope} mg/dL a year of age. One patient has 564 mg/dL; the ranks, which do not mind, correlate by
{chol_age}.

## 5. Maximum heart rate by age

![Maximum heart rate over age](eda/heart_rate.png)

It falls by {thalach_slope} bpm a year, somewhat faster than the 0.7 of the usual formula for the healthy (Tanaka et
al., J Am Coll Cardiol 37 (2001) 153-156). The diseased reach less: {thalach} bpm, in mean.

## 6. Chest pain by disease

![Share of the diseased by kind of chest pain](eda/chest_pain.png)

{cp}

Who was sent for an angiogram *without* pain was sent for another strong reason. That is why no pain speaks for the
disease here, and would not among people in the street.

## 7. Age by disease

![Ages of the diseased and of the healthy](eda/age.png)

The diseased are older, by {age} years on average.

## Which findings of the original turn round

The original read `heart.csv`, where `target` 1 means *no* disease, as if it meant disease. The text of that study is
not part of this repository, so this says what follows for each of its pictures. Whatever it says of the diseased there
holds for the healthy:

| picture | read from `heart.csv` as it is | here |
| --- | --- | --- |
| target balance | most have the disease | turns round: {balance} have it |
| sex by disease | women are diseased more often | turns round: men are |
| correlation | heart rate goes with disease, ST depression against it | turns round: every sign with the target |
| cholesterol by age | rises with age | holds: the target is not in it |
| maximum heart rate by age | falls with age; the diseased reach more | the first holds, the second turns round |
| chest pain by disease | any pain goes with disease, none against it | turns round |
| age by disease | the diseased are younger | turns round: they are older |

So do the codes that many tutorials give for `cp`, `restecg` and `slope`; [data.md](data.md) has the right ones.
"""


def tell_exploration(table: Table) -> str:
    """Return the page."""
    memory = measure_memory(table)
    names = ("thalach", "oldpeak", "age", "trestbps", "chol")
    return PAGE.format(
        generated=GENERATED,
        patients=len(table.rows),
        types=grid(
            ["column", "before", "after"], [[f"`{n}`", memory.before[n], memory.after[n]] for n in memory.before]
        ),
        before=memory.bytes_before,
        after=memory.bytes_after,
        balance=percent(measure_share(table.outcome)),
        sex=tell_shares(shares_diseased(table, "sex")),
        correlation=grid(
            ["measure", "correlation", "mean of the diseased less the healthy"],
            [
                [f"`{name}`", figure(correlate(table, name, "target"), 2), figure(differ(table, name), 1)]
                for name in names
            ],
        ),
        chol=figure(correlate(table, "chol", "target"), 2),
        gain=figure(gain_of_cholesterol(table), 3),
        chol_slope=figure(slope_by_age(table, "chol"), 2),
        chol_age=figure(correlate(table, "age", "chol"), 2),
        thalach_slope=figure(negative(slope_by_age(table, "thalach")), 2),
        thalach=figure(differ(table, "thalach"), 1),
        cp=tell_shares(shares_diseased(table, "cp")),
        age=figure(differ(table, "age"), 1),
    )


def tell_shares(shares: dict[str, Metric]) -> str:
    """Return the share of the diseased in each group as a table."""
    return grid(["group", "diseased (95 % interval)", "n"], [[k, percent(v), str(v.n)] for k, v in shares.items()])


def percent(share: Metric) -> str:
    """Return a share as per cent."""
    return f"{share.value:.0%} ({share.low:.0%} to {share.high:.0%})".replace("%", " %")


def negative(metric: Metric) -> Metric:
    """Return how much it falls instead of how much it rises."""
    return Metric(value=-metric.value, low=-metric.high, high=-metric.low, n=metric.n)
