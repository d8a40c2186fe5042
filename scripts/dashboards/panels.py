"""Panels in the house's form. Each has a unit, and a description that says what is normal and what to do otherwise."""

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from scripts.dashboards.queries import Ask

SOURCE = shapes.DataSourceRef(type_val="prometheus", uid="${datasource}")
GREEN, YELLOW, RED, BLUE = "green", "yellow", "red", "blue"
NONE_YET = "none yet"
Panel = Builder[models.Panel]
Steps = Sequence[tuple[float | None, str]]
"""Colours from a value on, the first from None: from the least one."""
CALM: Steps = ((None, GREEN),)
PLAIN: Steps = ((None, BLUE),)
WELL = {"0": ("well", GREEN), "1": ("out", RED)}


def above(warning: float, bad: float) -> Steps:
    """Return the colours of what should be small."""
    return ((None, GREEN), (warning, YELLOW), (bad, RED))


def below(bad: float, warning: float) -> Steps:
    """Return the colours of what should be large: red below `bad`, yellow below `warning`."""
    return ((None, RED), (bad, YELLOW), (warning, GREEN))


def text(normal: str, otherwise: str, runbook: str = "") -> str:
    """Return a description; `runbook` is the name of a page in docs/runbooks."""
    parts = [f"**Normal:** {normal}", f"**Otherwise:** {otherwise}"]
    if runbook:
        parts.append(f"**Runbook:** docs/runbooks/{runbook}.md")
    return "\n\n".join(parts)


def number(
    title: str,
    unit: str,
    description: str,
    *asks: Ask,
    steps: Steps = PLAIN,
    width: int = 4,
    height: int = 4,
    decimals: int | None = None,
    words: Mapping[str, tuple[str, str]] | None = None,
) -> Panel:
    """Return figures as they are now, large; `words` are shown in place of a value: (text, colour)."""
    panel = stat.Panel().title(title).description(description).unit(unit).span(width).height(height).datasource(SOURCE)
    panel = panel.no_value(NONE_YET).thresholds(_thresholds(steps)).graph_mode(shapes.BigValueGraphMode.NONE)
    panel = panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
    panel = panel.text_mode(shapes.BigValueTextMode.AUTO if len(asks) > 1 or "{{" in asks[0].legend else _VALUE)
    panel = panel.color_mode(shapes.BigValueColorMode.BACKGROUND if words else shapes.BigValueColorMode.VALUE)
    if decimals is not None:
        panel = panel.decimals(decimals)
    if words:
        panel = panel.mappings([_mapping(words)])
    for place, ask in enumerate(asks):
        panel = panel.with_target(_query(ask, place).instant())
    return panel


def lines(
    title: str,
    unit: str,
    description: str,
    *asks: Ask,
    width: int = 12,
    height: int = 8,
    limits: Steps = (),
    limits_seen: bool = False,
    top: float | None = None,
    bottom: float | None = 0,
    bars: bool = False,
    stacked: bool = False,
    interval: str = "",
) -> Panel:
    """Return figures over time; `limits` are drawn as lines, where values come near them or `limits_seen`.

    `interval` is the least time between two points.
    """
    panel = timeseries.Panel().title(title).description(description).unit(unit).span(width).height(height)
    panel = panel.datasource(SOURCE).no_value(NONE_YET).show_points(shapes.VisibilityMode.AUTO).line_width(1)
    panel = panel.legend(_legend()).tooltip(
        common.VizTooltipOptions().mode(shapes.TooltipDisplayMode.MULTI).sort(shapes.SortOrder.DESCENDING)
    )
    panel = panel.draw_style(shapes.GraphDrawStyle.BARS if bars else shapes.GraphDrawStyle.LINE)
    panel = panel.fill_opacity(70 if bars else 25 if stacked else 5)
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(shapes.StackingMode.NORMAL).group("A"))
    panel = panel.thresholds(_thresholds(limits or CALM))
    if limits:
        style = common.GraphThresholdsStyleConfig().mode(shapes.GraphThresholdsStyleMode.DASHED)
        panel = panel.thresholds_style(style)
    if limits_seen:
        panel = panel.axis_soft_max(max(value for value, _ in limits if value is not None))
    panel = panel.axis_soft_min(bottom) if bottom is not None else panel
    panel = panel.max(top) if top is not None else panel
    panel = panel.interval(interval) if interval else panel
    for place, ask in enumerate(asks):
        panel = panel.with_target(_query(ask, place).range())
    return panel


def states(
    title: str,
    unit: str,
    description: str,
    *asks: Ask,
    words: Mapping[str, tuple[str, str]],
    width: int = 12,
    height: int = 8,
) -> Panel:
    """Return bands over time, one a series, coloured and named by `words`: value to (text, colour)."""
    panel = statetimeline.Panel().title(title).description(description).unit(unit).span(width).height(height)
    panel = panel.datasource(SOURCE).no_value(NONE_YET).mappings([_mapping(words)]).thresholds(_thresholds(CALM))
    panel = panel.merge_values(True).show_value(shapes.VisibilityMode.NEVER).row_height(0.85).legend(_legend())
    for place, ask in enumerate(asks):
        panel = panel.with_target(_query(ask, place).range())
    return panel


def rows(
    title: str,
    unit: str,
    description: str,
    ask: Ask,
    *,
    columns: Mapping[str, str],
    width: int = 12,
    height: int = 8,
    steps: Steps = CALM,
) -> Panel:
    """Return a table of the series as they are now: a column for each of their labels in `columns`, then the value."""
    panel = table.Panel().title(title).description(description).unit(unit).span(width).height(height)
    panel = panel.datasource(SOURCE).no_value(NONE_YET).thresholds(_thresholds(steps))
    order = {name: place for place, name in enumerate((*columns, "Value"))}
    organize: dict[str, object] = {
        "includeByName": dict.fromkeys(order, True),
        "indexByName": order,
        "renameByName": {**columns, "Value": ask.legend},
    }
    panel = panel.with_transformation(models.DataTransformerConfig(id_val="organize", options=organize))
    return panel.with_target(_query(ask, 0).instant().format(PromQueryFormat.TABLE))


_VALUE = shapes.BigValueTextMode.VALUE


def _query(ask: Ask, place: int) -> prometheus.Dataquery:
    query = prometheus.Dataquery().expr(ask.expr).legend_format(ask.legend).ref_id(chr(ord("A") + place))
    return query.datasource(SOURCE).exemplar(ask.exemplars)


def _thresholds(steps: Steps) -> dashboard.ThresholdsConfig:
    made = [models.Threshold(value=value, color=colour) for value, colour in steps]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(made)


def _mapping(words: Mapping[str, tuple[str, str]]) -> models.ValueMapping:
    shown = {
        value: models.ValueMappingResult(text=word, color=colour, index=index)
        for index, (value, (word, colour)) in enumerate(words.items())
    }
    return models.ValueMap(options=shown)


def _legend() -> common.VizLegendOptions:
    legend = common.VizLegendOptions().display_mode(shapes.LegendDisplayMode.LIST)
    return legend.placement(shapes.LegendPlacement.BOTTOM).show_legend(True)
