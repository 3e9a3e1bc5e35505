#!/bin/bash
# Asks a running responder as a hospital would, with curl (and a TEST card),
# prints the commands (-x) and the answer in Japanese and English.
set -u
usage() {
	cat >&2 <<'END'
usage: tests/ask.sh [-xj] [-p PORT] [-i INSTITUTION] [-d YYYYMMDD] FOLDER number \
           INSURER_NUMBER NUMBER BIRTHDATE [SYMBOL [BRANCH]]
       tests/ask.sh [-xj] [-p PORT] [-i INSTITUTION] [-d YYYYMMDD] FOLDER card NNN
FOLDER holds site.yaml and pki/ of shikaku-sample; -j prints the answer as it came.
END
	exit 32
}
card=${B:-$(dirname "$0")/../build/release}/shikaku-card
show=text commands=no port=8443 institution='' day=$(TZ=Asia/Tokyo date +%Y%m%d)
while getopts xjp:i:d: o; do
	case $o in
	x) commands=yes ;;
	j) show=json ;;
	p) port=$OPTARG ;;
	i) institution=$OPTARG ;;
	d) day=$OPTARG ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# -ge 3 ] || usage
folder=$1 kind=$2
shift 2
if [ -z "$institution" ]; then
	for f in "$folder"/pki/institutions/*.pem; do
		institution=$(basename "$f" .pem)
		break
	done
fi
work=$(mktemp -d "$folder/ask.XXXXXX") || exit 11
trap 'rm -rf "$work"' EXIT
header="\"MessageHeader\":{\"QualificationConfirmationDate\":\"$day\",\"MedicalInstitutionCode\":\"$institution\"}"

post() { # PATH BODY ANSWER
	local cmd=(curl -sS --max-time 20 --cacert "$folder/pki/site-ca.pem"
	    --cert "$folder/pki/institutions/$institution.pem"
	    --key "$folder/pki/institutions/$institution.key"
	    --resolve "localhost:$port:127.0.0.1"
	    -H 'Content-Type: application/json'
	    --data-binary "@$2" "https://localhost:$port$1")
	if [ $commands = yes ]; then
		local shown=$2
		echo "  \$ curl --cacert $folder/pki/site-ca.pem \\"
		echo "      --cert $folder/pki/institutions/$institution.pem --key $folder/pki/institutions/$institution.key \\"
		if [ "$(wc -c <"$2")" -le 400 ]; then
			echo "      -H 'Content-Type: application/json' -d '$(cat "$2")' \\"
		else
			echo "      -H 'Content-Type: application/json' -d @$(basename "$shown") \\"
		fi
		echo "      https://localhost:$port$1"
	fi
	"${cmd[@]}" -w '%{http_code}' -o "$3" >"$work/status"
	local s=$?
	[ $s -eq 0 ] || echo "curl ended with $s" >&2
	return $s
}

case $kind in
number)
	[ $# -ge 3 ] || usage
	symbol=${4:+\"InsuredCardSymbol\":\"$4\",}
	branch=${5:+\"InsuredBranchNumber\":\"$5\",}
	printf '{"XmlMsg":{%s,"MessageBody":{"QualificationConfirmSearchInfo":{"InsurerNumber":"%s",%s"InsuredIdentificationNumber":"%s",%s"Birthdate":"%s","LimitApplicationCertificateRelatedConsFlg":"0"}}}}' \
	    "$header" "$1" "$symbol" "$2" "$branch" "$3" >"$work/question.json"
	;;
card)
	printf '{"XmlMsg":{%s,"MessageBody":{}}}' "$header" >"$work/challenge-question.json"
	post /oqs-api/challenge "$work/challenge-question.json" "$work/challenge.json" || exit 11
	if ! grep -q '"ChallengeId"' "$work/challenge.json"; then
		cp "$work/challenge.json" "$work/answer.json"
		kind=refused
	else
		[ $commands = no ] || echo "  \$ shikaku-card -c $folder/site.yaml $1 <challenge.json >question.json   # the card signs"
		"$card" -c "$folder/site.yaml" "$1" <"$work/challenge.json" >"$work/question.json" || exit $?
	fi
	;;
*) usage ;;
esac
if [ "$kind" != refused ]; then
	post /oqs-api/search "$work/question.json" "$work/answer.json" || exit 11
fi
if [ $show = json ]; then
	cat "$work/answer.json"
	echo
	exit 0
fi
STATUS=$(cat "$work/status") python3 - "$work/answer.json" <<'END'
import json, os, sys
m = json.load(open(sys.argv[1]))["XmlMsg"]
h, b = m["MessageHeader"], m.get("MessageBody", {})
validity = {"1": ("有効", "valid"), "2": ("無効", "not valid"),
    "3": ("無効（新しい資格あり）", "not valid, newer cover exists"),
    "4": ("該当資格なし", "nobody found"), "5": ("複数該当", "several found")}
sex = {"1": ("男", "male"), "2": ("女", "female"), "3": ("未設定", "not set")}
def day(s):
    return "%s-%s-%s" % (s[:4], s[4:6], s[6:]) if s else ""
def line(ja, en, value):
    if value:
        print("    %s (%s): %s" % (ja, en, value))
print("    HTTP %s" % os.environ["STATUS"])
line("資格確認日", "asked day", day(h.get("QualificationConfirmationDate")))
if h.get("ErrorCode") or b.get("ProcessingResultCode"):
    line("エラー", "refused", "%s %s" % (h.get("ErrorCode") or b["ProcessingResultCode"],
        h.get("ErrorMessage") or b.get("ProcessingResultMessage", "")))
v = validity.get(b.get("QualificationValidity", ""))
if v:
    line("資格有効性", "validity", "%s - %s" % v)
for r in b.get("ResultList", []):
    r = r.get("ResultOfQualificationConfirmation", r)
    line("氏名", "name", "%s  %s" % (r.get("Name", ""), r.get("NameKana", "")))
    line("性別", "sex", "%s - %s" % sex.get(r.get("Sex1", ""), ("", "")))
    line("生年月日", "birth date", day(r.get("Birthdate")))
    line("保険者", "insurer", "%s %s" % (r.get("InsurerNumber", "").strip(), r.get("InsurerName", "")))
    line("記号・番号・枝番", "symbol, number, branch", " / ".join(x for x in (
        r.get("InsuredCardSymbol"), r.get("InsuredIdentificationNumber"), r.get("InsuredBranchNumber")) if x))
    line("資格取得・喪失", "covered from, until", "%s ～ %s" % (day(r.get("QualificationDate")), day(r.get("DisqualificationDate"))))
    line("負担割合", "share to pay", r.get("InsuredPartialContributionRatio"))
END
