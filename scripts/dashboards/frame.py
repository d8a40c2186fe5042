"""What every dashboard has: variables, annotations, links to the others, and rows of panels."""

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard, prometheus
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from scripts.dashboards.panels import SOURCE, Panel
from scripts.dashboards.queries import LEARNER, increase, of

TAG = "tidemill"
EVERYTHING = ".+"
EVENT_S = 60
"""An annotation is asked for once in so many seconds, and looks back as far: none is missed, none comes twice."""


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under one heading."""

    title: str
    panels: Sequence[Panel]


def frame(
    name: str, title: str, description: str, rows: Sequence[Row], more: Sequence[Builder[models.VariableModel]] = ()
) -> models.Dashboard:
    """Return the dashboard `tidemill-<name>`; `more` are variables of its own. Panels are numbered from 1."""
    made = dashboard.Dashboard(f"Tidemill: {title}").uid(f"tidemill-{name}").description(description).tags([TAG])
    made = made.time("now-6h", "now").refresh("30s").timezone("browser").editable()
    made = made.tooltip(models.DashboardCursorSync.CROSSHAIR)
    made = made.variables([*variables(), *more]).annotations(annotations()).link(_others())
    for row in rows:
        made = made.with_row(dashboard.Row(row.title))
        for panel in row.panels:
            made = made.with_panel(panel)
    whole = made.build()
    for number, one in enumerate(whole.panels or (), 1):
        one.id_val = number
    return whole


def variables() -> list[Builder[models.VariableModel]]:
    """Return data source, job and instance. A job is a role's, an instance one process of it."""
    first = models.VariableOption(selected=True, text="Prometheus", value="prometheus")
    source = dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus").current(first)
    job = choice("job", "Job", "label_values(tidemill_build_info, job)")
    instance = choice("instance", "Instance", 'label_values(tidemill_build_info{job=~"$job"}, instance)')
    return [source, job, instance]


def choice(name: str, label: str, query: str) -> dashboard.QueryVariable:
    """Return a variable of several values, all at first; `query` is of Prometheus."""
    everything = models.VariableOption(selected=True, text=["All"], value=["$__all"])
    made = dashboard.QueryVariable(name).label(label).datasource(SOURCE).query({"query": query, "refId": name})
    made = made.definition(query).refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
    made = made.sort(models.VariableSort.ALPHABETICAL_ASC).multi(True).include_all(True)
    return made.all_value(EVERYTHING).current(everything)


def annotations() -> list[Builder[models.AnnotationQuery]]:
    """Return the events that explain a curve."""
    version = of("model_version", LEARNER)
    published = of("model_published_timestamp_seconds", LEARNER)
    refused = increase(of("rounds_total", outcome="refused"), "job, instance", f"{EVENT_S}s")
    classes = of("classes", state="class")
    # The moment is the value, in milliseconds; the version becomes a label, for a text can show labels only.
    named = f'count_values by (job, instance) ("version", {version})'
    moment = f"{published} * 1000 * on (job, instance) group_right () {named}"
    return [
        _event("Published", "green", moment, "version {{version}}").use_value_for_time(True),
        _event("Refused", "red", f"{refused} > 0", "{{instance}}"),
        _event("Rolled back", "orange", f"resets({version}[{EVENT_S}s]) > 0", "{{instance}}"),
        _event("Class joined", "blue", f"delta({classes}[{EVENT_S}s]) > 0", "{{instance}}"),
    ]


def _event(name: str, colour: str, expr: str, said: str) -> dashboard.AnnotationQuery:
    query = prometheus.Dataquery().expr(expr).ref_id(name.replace(" ", "")).datasource(SOURCE).range()
    query = query.interval(f"{EVENT_S}s").legend_format(said)
    made = dashboard.AnnotationQuery().name(name).datasource(SOURCE).enable(True).icon_color(colour).target(query)
    return made.expr(expr).step(f"{EVENT_S}s").title_format(name).text_format(said)


def _others() -> dashboard.DashboardLink:
    link = dashboard.DashboardLink("Tidemill").type(models.DashboardLinkType.DASHBOARDS).tags([TAG])
    return link.include_vars(True).keep_time(True).as_dropdown(False)
