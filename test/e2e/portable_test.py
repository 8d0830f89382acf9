"""weir check --portable on the queries of Nexmark, which run on Flink as they are."""

import json

from lib import TOP, main

FOLDER = TOP / "bench/nexmark"
# OVER ordered by a column: weir and Flink refuse it.
REFUSED = {"q6"}
# Nexmark looks files up, for which Flink needs a connector of another name.
LOOKS_UP = {"q13": "look-ups in files, as in table `side_input`"}


def test_of_the_nexmark_queries_only_the_connector_is_named(box):
    ddl = (FOLDER / "ddl.sql").read_text().replace("${SOURCE_OPTIONS}", "'connector' = 'nexmark'")
    queries = sorted((FOLDER / "queries").glob("*.sql"))
    assert len(queries) > 20
    for query in queries:
        if query.stem in REFUSED:
            continue
        weir = box.weir((ddl + query.read_text()).replace("${NEXMARK_DIR}", str(box.folder)))
        done = weir.call("check", "--json", "--no-connect", "--portable", "pipeline.sql")
        found = [one["message"] for item in json.loads(done.stdout)["items"]
                 for one in item["diagnostics"] if one["level"] == "error"]
        wanted = ["the connector `nexmark`"]
        wanted += [LOOKS_UP[query.stem]] if query.stem in LOOKS_UP else []
        assert found == ["Flink 1.20 does not have " + what for what in wanted], (query, found)


main()
