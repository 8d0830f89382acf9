# Everything a person needs to call; each line hands over to Meson and Ninja or to a script.

.DEFAULT_GOAL := build
.PHONY: setup build demo demo-mysql check check-asan check-tsan check-clang bench bench-check fuzz \
	nexmark fmt tidy clang-tidy docs clean help \
	conformance conformance-record random soak

help:
	@echo 'make            build the program: build/weir'
	@echo 'make demo       sales per store moving in the terminal, with no server of any kind'
	@echo 'make demo-mysql the same from a private MariaDB into a private Redis, compared at the end'
	@echo 'make check      all tests (check-asan, check-tsan, check-clang: one part of them)'
	@echo 'make bench      measure, against other programs in the same run'
	@echo 'make bench-check  instructions an event against the figures written down (part of check)'
	@echo 'make nexmark    the answers of all Nexmark queries (bench/nexmark/run time: how fast they are)'
	@echo 'make fuzz       fuzz every decoder for FUZZ_SECONDS (60) each'
	@echo 'make conformance  hold every case of the tests, and Nexmark, against the real Flink, and what'
	@echo '                Kafka clients get from the hub against the real Kafka (Java, Maven)'
	@echo 'make random     10,000 random queries against DuckDB; make soak: ten times as many, in all modes,'
	@echo '                200,000 power cuts with what else can go wrong, in a simulated world, 2,000 kills,'
	@echo '                each decoder fuzzed for FUZZ_SECONDS (1,800), ten histories of a topic under fire'
	@echo '                of WEIR_HISTORY_SECONDS (1,000)'
	@echo 'make fmt        format the C code; make tidy: check the house rules; make clang-tidy'
	@echo 'make docs       write docs/connectors.md and docs/functions.md anew, from the program'
	@echo 'make clean      remove what was built'

setup:
	@tools/setup

build: setup
	@tools/build release

demo: build
	@tools/demo

demo-mysql: build
	@tools/demo-mysql

check: setup
	@tools/check

check-asan check-tsan check-clang: check-%: setup
	@tools/check $*

bench: build
	@tools/bench

bench-check: build
	@bench/instructions/run

nexmark: build
	@bench/nexmark/run check

fuzz: setup
	@tools/fuzz

fmt: setup
	@git ls-files '*.c' '*.h' '*.cc' | xargs clang-format -i

tidy: setup
	@tools/tidy

clang-tidy: setup
	@tools/build clang
	@git ls-files 'src/*.c' | grep -v '_test\.c$$' | \
		xargs -P "$$(nproc)" -n 4 clang-tidy --quiet -p build-clang

docs: build
	@tools/docs

conformance: build
	@tools/conformance/setup
	@tools/conformance/run
	@tools/conformance/nexmark
	@tools/random --flink
	@tools/clients --both

# Asks Flink anew and keeps its answers, which `make check` replays.
conformance-record: build
	@tools/conformance/setup
	@tools/conformance/run --record
	@tools/conformance/nexmark --record

random: build
	@tools/random --cases 10000

soak: build
	@tools/random --cases 100000 --again
	@build/test/sim/sim all --rounds 40 --seed "$$(date +%s)"
	@build/test/sim/log_sim all --rounds 40 --seed "$$(date +%s)"
	@build/test/sim/hub_sim --trials 100000 --seed "$$(date +%s)"
	@FUZZ_SECONDS=$${FUZZ_SECONDS:-1800} tools/fuzz
	@seed=$$(date +%s); for round in 0 1 2 3 4 5 6 7 8 9; do \
		WEIR_SEED=$$((seed + round)) WEIR_HISTORY_SECONDS=$${WEIR_HISTORY_SECONDS:-1000} \
		tools/run-tests -t 3600 test/e2e/hub_history_test.py || exit 1; done
	@WEIR_KILLS=2000 WEIR_RECOVERIES=100 tools/run-tests -t 14400 test/e2e/kills_test.py
	@WEIR_SOAK=1 WEIR_CHAOS_ROUNDS=3 WEIR_CLOCK_ROUNDS=10 WEIR_STOPS=100 WEIR_RESTARTS=20 WEIR_KILLS=200 \
		WEIR_OUTAGE_SECONDS=60 WEIR_ORDERS=10000 WEIR_FAILOVERS=20 WEIR_SNAPSHOT_KILLS=50 WEIR_ROUNDS=40 \
		tools/run-tests -t 14400 $(addprefix test/e2e/, $(addsuffix _test.py, \
		chaos clock drain fsync hub_rebalance jdbc_kill limit_wide mysql_ddl mysql_history mysql_server order redis restart slow_sink spill \
		spill_limit stuck))
	@tools/soak-sanitized
	@tools/soak

clean:
	rm -rf build build-asan build-tsan build-clang build-fuzz build-check
