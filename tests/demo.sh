#!/bin/bash
# make demo: a country of 200,000 people, one night, questions answered.
# PEOPLE=20000 tests/demo.sh for a smaller one. Everything lies in build/demo.
set -u
cd "$(dirname "$0")/.." || exit 64
export B=$PWD/build/${VARIANT:-release}
W=build/demo
people=${PEOPLE:-200000}
began=$(date +%s)
. tests/serve.sh
trap serve_stop EXIT
trap 'exit 130' INT TERM
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n== %s\n' "$*"; }
die() {
	echo "demo: $*" >&2
	exit 1
}

# The night belongs to yesterday; the hospitals ask today.
day=$(TZ=Asia/Tokyo date -d yesterday +%Y-%m-%d)
today=$(TZ=Asia/Tokyo date +%Y-%m-%d)
hour=$(TZ=Asia/Tokyo date +%-H)
short=${day//-/} asked=${today//-/}

say "1. A synthetic country: $people people, seed 1 (nobody in it is real)"
rm -rf "$W"
tests/site.sh "$W" 0
"$B/shikaku-sample" -c "$W/site.yaml" --people "$people" --seed 1 -D "$day" || die 'no country'
I=$W/intermediate Q=$W/qualification

say '2. One insurer makes mistakes / ある保険者の誤り'
# an employees' society that sends CSV; its next running number
read -r number code sender < <(awk -F, '{ gsub(/["\r]/, "") } $3 == "society" { print $1, $2, $6; exit }' "$W/masters/insurers.csv")
sequence=$(find "$I/box/$sender/in" -name "*_shikaku_*" | sed 's/.*_0*\([0-9]*\)\.zip.*/\1/' | sort -n | tail -n 1)
rm -rf "$W/bad"
mkdir -p "$W/bad"
python3 - "$sender" "$short" $((sequence + 1)) "$number" "$code" >"$W/bad/shikaku.csv" <<'END'
import sys
sender, day, sequence, number, code = sys.argv[1:]
def row(n, **change):
    v = dict(type="2", number=str(n), change="1", change_date=day, code=code, person="DEMO%06d" % n,
        processing="", card="01", insurer=number, symbol="１２－３４", insured="９００%s" % "０１２３４５６７８９"[n],
        branch="00", family="1", insured_name="", name="見本　太郎", other="", kana="ﾐﾎﾝ ﾀﾛｳ", kana_other="",
        sex="1", sex2="", birth="19800505", post="100-0001", address="東京都架空区見本一丁目", qualified="20240401",
        lost="", reason="", issued="20240401", valid="20240401", until="", returned="", ratio="", preschool="",
        e1="", e2="", e3="", e4="")
    v.update(change)
    return v
wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
rows = [row(1), row(2, insurer=wrong), row(3, birth="19800231"), row(4, kana="みほん たろう"),
    row(5, lost="20230331", reason="99"), row(6, address="123456789018")]
out = [["1", "1", sender, "shikaku", day, sequence.zfill(4), ""]] + [list(r.values()) for r in rows]
total = sum(int(r["birth"]) for r in rows) % 10**15
out.append(["3", str(len(rows)), str(total)])
sys.stdout.write("".join(",".join(r) + "\r\n" for r in out))
END
bad=$(tests/send.sh "$W" "$sender" shikaku "$short" $((sequence + 1)) "$W/bad/shikaku.csv")
echo "  $sender sends $bad: 6 records, 5 of them wrong"
# another one: changed on the way
other=$(awk -F, -v s="$sender" '{ gsub(/["\r]/, "") } $3 == "mutual" && $6 != s { print $6; exit }' "$W/masters/insurers.csv")
seq2=$(find "$I/box/$other/in" -name "*_shikaku_*" | sed 's/.*_0*\([0-9]*\)\.zip.*/\1/' | sort -n | tail -n 1)
tampered=$(printf '%s_shikaku_%s_%04d' "$other" "$short" $((seq2 + 1)))
f=$(find "$I/box/$other/in" -name "*_shikaku_*" | sort | tail -n 1)
python3 - "$f" "$I/box/$other/in/$tampered.zip.p7m" <<'END'
import sys
b = bytearray(open(sys.argv[1], "rb").read())
b[len(b) // 2] ^= 1
open(sys.argv[2], "wb").write(b)
END
echo "  $other sends $tampered: one bit changed on the way"

say "3. The night of $day / 夜間処理 (jobs/nightly.yaml)"
"$B/shikaku-jobs" run --now --as table -c "$W/site.yaml" -D "$day" jobs/nightly.yaml
status=$?
[ $status -le 5 ] || die "the night ended with $status"
echo "  exit 5: done, some files refused; 4: done, some records refused; 1: nothing to do"

say '4. What their senders get / 送信元への通知'
echo "  \$ cat $I/box/$sender/out/$bad.receipt.yaml"
sed 's/^/    /' "$I/box/$sender/out/$bad.receipt.yaml" | head -n 14
echo "  \$ cat $I/box/$sender/out/$bad.check.yaml     (the counts)"
grep -E '^ *(result|result_ja|read|accepted|refused):' "$I/box/$sender/out/$bad.check.yaml" | sed 's/^ */    /'
echo "  \$ cat $I/box/$sender/out/$bad.errors.csv     (first lines)"
python3 - "$I/box/$sender/out/$bad.errors.csv" <<'END'
import csv, sys
for row in list(csv.reader(open(sys.argv[1], encoding="utf-8-sig")))[:7]:
    print("    " + " | ".join(row[i] for i in (1, 3, 10, 6, 11, 12)))
    print("    " + " | ".join([" " * 8] + row[13:15]))
END
echo "  \$ cat $I/box/$other/out/$tampered.receipt.yaml"
sed 's/^/    /' "$I/box/$other/out/$tampered.receipt.yaml" | head -n 20

say '5. Hospitals ask / 医療機関からの照会'
clock=()
if [ "$hour" -lt 8 ] || [ "$hour" -ge 21 ]; then
	echo "  It is $(TZ=Asia/Tokyo date +%H:%M) in Japan, outside 08:00-21:00: this responder runs on a clock of"
	echo "  its own (faketime), $today 10:00. / サービス時間外のため、時計を10時に進めて動かします。"
	clock=("$today 10:00:00")
fi
serve_start "$W/site.yaml" "$W/responder.log" ${clock[@]+"${clock[@]}"} || die 'no responder'
port=$serve_port
echo "  shikaku-responder listens on 127.0.0.1:$port (mutual TLS 1.3)"
ask() { tests/ask.sh -x -p "$port" -d "$asked" "$W" "$@" || die 'no answer'; }
line=$(awk -F'\t' '!/^#/ && $7 == 1 && $3 != "" { print; exit }' "$W/pki/ask.tsv" | tr '\t' '|')
IFS='|' read -r _ n_insurer n_symbol n_number n_branch n_birth _ _ <<<"$line"
echo
echo '  by number, as printed on the card / 券面の番号で'
ask number "$n_insurer" "$n_number" "$n_birth" "$n_symbol" "$n_branch"
echo
echo '  a person who moved to another insurer / 保険者が替わった人'
IFS='|' read -r _ m_insurer m_symbol m_number m_branch m_birth _ _ \
    <<<"$(awk -F'\t' '!/^#/ && $7 == 3 { print; exit }' "$W/pki/ask.tsv" | tr '\t' '|')"
tests/ask.sh -p "$port" -d "$asked" "$W" number "$m_insurer" "$m_number" "$m_birth" "$m_symbol" "$m_branch"
echo
echo '  by card: challenge, signature, answer / カードで'
card=$(awk -F'\t' '!/^#/ && $9 == "valid" { print $10; exit }' "$W/pki/cards.tsv")
ask card "$card"
echo
echo '  by a card that is revoked / 失効したカードで'
revoked=$(awk -F'\t' '!/^#/ && $9 == "revoked" { print $10; exit }' "$W/pki/cards.tsv")
tests/ask.sh -p "$port" -d "$asked" "$W" card "$revoked"
serve_stop
echo
echo "  outside the hours (a second responder, its clock at $today 21:30) / 時間外"
serve_start "$W/site.yaml" "$W/responder-late.log" "$today 21:30:00" || die 'no second responder'
tests/ask.sh -p "$serve_port" -d "$asked" "$W" number "$n_insurer" "$n_number" "$n_birth" "$n_symbol" "$n_branch"
serve_stop

say '6. After the day / 利用実績と統計'
# 4: the day's service has not closed yet, and the report says so (W4045)
"$B/shikaku-jobs" run --now --as table --only collect,report -c "$W/site.yaml" -D "$today" jobs/nightly.yaml ||
    [ $? -le 4 ] || die 'no usage file'
echo "  \$ cat $Q/out/usage/riyo-$asked.csv"
sed 's/^/    /' "$Q/out/usage/riyo-$asked.csv"
stat=$Q/out/statistics/statistics-$asked.sqlite
for sql in 'SELECT * FROM questions' 'SELECT snapshot, value FROM snapshot_rows' \
    "SELECT scheme_ja, sum(value) AS periods FROM insured_by_scheme_and_sex GROUP BY scheme"; do
	echo "  \$ build/release/shikaku-query $stat '$sql'"
	"$B/shikaku-query" "$stat" "$sql" | sed 's/^/    /'
done
echo '  (an empty value with hidden = 1: fewer than ten questions are not told / 10未満は秘匿)'

say "7. Where everything lies / 配置 ($(($(date +%s) - began)) s)"
cat <<END
  $W/site.yaml                      the configuration
  $I/box/ID/{in,out}/     drop boxes of insurers and federations
  $I/ledger.sqlite        the books of the intermediate side
  $Q/snapshots/           generations; current/ is the signed set in force
  $Q/journal/             one line per question
  $Q/out/                 usage file, statistics, metrics.prom
  $W/pki/                           TEST keys; ask.tsv and cards.tsv: whom to ask about
  $I/log/                 what the programs said; shikaku-jobs show: the story of the night

Ask again / もう一度照会するには:
  $ build/release/shikaku-responder -c $W/site.yaml      (prints port=...; service hours are Japanese)
  $ tests/ask.sh -x -p PORT $W number $n_insurer $n_number $n_birth $n_symbol $n_branch
  $ tests/ask.sh -x -p PORT $W card $card
Outside 08:00-21:00 in Japan:
  $ TZ=UTC faketime -f '@$today 01:00:00' build/release/shikaku-responder -c $W/site.yaml
The next day's changes:
  $ build/release/shikaku-sample -c $W/site.yaml --changes -D $today && build/release/shikaku-jobs run --now -c $W/site.yaml -D $today jobs/nightly.yaml
END
echo
echo "The month's statistics, as a page of charts / 月次統計（グラフ）:"
find "$PWD/$Q/out/statistics" -name 'statistics-*.html' | sort | tail -n 1 | sed 's/^/  /'
