"""What must hold between the rows of the database, as queries for the rows that break it."""

CROSS_REFERENCES: tuple[tuple[str, str], ...] = (
    (
        "segment {}: its count of live rows is not what the samples say",
        """SELECT digest FROM segments
        WHERE live <> (SELECT count(*) FROM samples WHERE samples.segment = segments.segment)""",
    ),
    (
        "sample {}: its row lies beyond the end of its segment",
        "SELECT sample FROM samples JOIN segments USING (segment) WHERE position >= row_count",
    ),
    (
        "label {0} as {1}: {2} are counted, but the samples are others",
        """SELECT name, role, count FROM tallies JOIN labels USING (label)
        WHERE count <> (SELECT count(*) FROM samples JOIN rounds USING (round)
            WHERE samples.label = tallies.label AND samples.role = tallies.role AND outcome IS NOT NULL)""",
    ),
    (
        "label {0} as {1}: its samples are not counted",
        """SELECT DISTINCT name, samples.role FROM samples JOIN rounds USING (round) JOIN labels USING (label)
        LEFT JOIN tallies ON tallies.label = samples.label AND tallies.role = samples.role
        WHERE outcome IS NOT NULL AND count IS NULL""",
    ),
    (
        "label {0} as {1}: its slots are not 0 to {2} - 1",
        """SELECT name, role, count FROM tallies JOIN labels USING (label)
        WHERE role IN ('train', 'holdout') AND count <> (SELECT count(*) FROM samples
            WHERE samples.label = tallies.label AND samples.role = tallies.role
            AND slot BETWEEN 0 AND tallies.count - 1)""",
    ),
    (
        "sample {}: it is accepted, but its label is no class",
        "SELECT sample FROM samples JOIN labels USING (label) WHERE slot IS NOT NULL AND class IS NULL",
    ),
    (
        "sample {}: it is accepted, but a rollback undid the round that accepted it",
        "SELECT sample FROM samples JOIN rounds ON rounds.round = accepted WHERE slot IS NOT NULL AND undone = 1",
    ),
    (
        "{0}/{1}: the range of round {2} does not continue from the one before",
        """SELECT topic, partition, round FROM (
            SELECT log, round, start, lag(stop) OVER (PARTITION BY log ORDER BY round) AS before FROM spans
        ) JOIN logs USING (log) WHERE before IS NOT NULL AND start <> before""",
    ),
    (
        "{0}/{1}: its position is not the end of its last range",
        """SELECT topic, partition FROM logs WHERE position IS NOT (
            SELECT max(stop) FROM spans JOIN rounds USING (round) WHERE spans.log = logs.log AND outcome IS NOT NULL
        )""",
    ),
    (
        "round {}: it is published, but has no version",
        """SELECT rounds.round FROM rounds LEFT JOIN versions USING (round)
        WHERE outcome = 'published' AND version IS NULL""",
    ),
    (
        "version {}: it is published, but the pointer never named it",
        """SELECT version FROM versions
        WHERE published_at IS NOT NULL AND version NOT IN (SELECT version FROM champions)""",
    ),
    (
        "version {}: a version below it is missing",
        """SELECT version FROM versions WHERE version > 1 AND version - 1 NOT IN (SELECT version FROM versions)
        AND version - 1 NOT IN (SELECT version_floor FROM adoptions)""",
    ),
    (
        "classes: index {} is missing",
        """SELECT class - 1 FROM labels
        WHERE class > 0 AND class - 1 NOT IN (SELECT class FROM labels WHERE class IS NOT NULL)""",
    ),
    (
        "sample {}: it is set aside, but belongs to no parcel",
        """SELECT sample FROM samples JOIN rounds USING (round)
        WHERE samples.role IN ('suspect', 'quarantined') AND outcome IS NOT NULL
        AND sample NOT IN (SELECT sample FROM aside)""",
    ),
    (
        "sample {}: it is held out, but was trained on",
        "SELECT sample FROM margins JOIN samples USING (sample) WHERE role = 'holdout'",
    ),
    (
        "relabel {0} of sample {1}: it is pending, but its round is committed",
        """SELECT relabel, relabels.sample FROM relabels JOIN rounds USING (round)
        WHERE relabels.state = 'pending' AND rounds.outcome IS NOT NULL""",
    ),
    (
        "relabel {0} of sample {1}: it is to be retried with its window, which is not suspect",
        """SELECT relabel, sample FROM relabels
        WHERE state = 'suspect' AND round NOT IN (SELECT parcel FROM parcels WHERE role = 'suspect')""",
    ),
    (
        "relabel {0} of sample {1}: whether it is in force is not what rollbacks made of its round",
        """SELECT relabel, sample FROM relabels JOIN rounds ON rounds.round = applied
        WHERE relabels.state IN ('applied', 'undone') AND (relabels.state = 'undone') <> rounds.undone""",
    ),
    (
        "sample {0}: its parcel is {1}, it is {2}",
        """SELECT sample, parcels.role, samples.role FROM aside JOIN parcels USING (parcel) JOIN samples USING (sample)
        WHERE parcels.role <> samples.role""",
    ),
)
"""(message, query): the message is filled with the columns of each row that the query finds."""
