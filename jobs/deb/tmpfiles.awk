# accounts.tsv -> tmpfiles.d: the folders, their owners and modes
BEGIN { print "# made from accounts.tsv" }
/^#/ || NF < 6 { next }
$2 ~ /^->/ { sub(/^->/, "", $2); printf "L %s - - - - %s\n", $1, $2; next }
{ printf "d %s %s %s %s %s\n", $1, $2, $3, $4, $1 ~ /\/log$/ ? "400d" : "-" }
