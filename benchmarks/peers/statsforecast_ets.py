"""Peer: statsforecast, another model for scale: seasons by MSTL, what is left by AutoETS.

    python benchmarks/peers/statsforecast_ets.py --data DIR --result FILE

Weekly and yearly seasons are taken off by loess, and AutoETS chooses among exponential smoothings
for the rest. It has nothing to tune, so the one fit of a series counts as one trial, and knows no
holidays. The same holdout, one process a core.
"""

from __future__ import annotations

import pandas as pd
import peer
from prophet_trial import HORIZON, rmse
from statsforecast import StatsForecast
from statsforecast.models import MSTL, AutoETS
from stock_study import frames, warm_up_frame


def forecasts(train: pd.DataFrame) -> pd.DataFrame:
    """A fit and 90 days ahead for every series."""
    model = MSTL(season_length=[7, 365], trend_forecaster=AutoETS(model="ZZN"), alias="yhat")
    return StatsForecast([model], freq="D", n_jobs=peer.CORES).forecast(df=train, h=HORIZON)


def main() -> None:
    """Warm up, fit, write."""
    arguments = peer.parser(__doc__).parse_args()
    warm = warm_up_frame()
    forecasts(pd.concat([warm.assign(unique_id=str(core)) for core in range(peer.CORES)]))
    with peer.Meter() as meter:
        series = frames(arguments.data)
        named = [frame.iloc[:-HORIZON].assign(unique_id=n) for n, frame in series.items()]
        found = dict(list(forecasts(pd.concat(named)).groupby("unique_id")["yhat"]))
        best = {
            name: rmse(found[name], frame["y"].iloc[-HORIZON:]) for name, frame in series.items()
        }
    peer.write(arguments.result, meter, best, len(best))


if __name__ == "__main__":
    main()
