#!/bin/sh
# One application from eligibility to proof, by curl against a running ./do run. Needs sh, curl, grep, sed, cut, date.
# Each call is printed with its answer. Run it from the repository: sh docs/how-to/one-application.sh
set -eu
. "${FOR_CURL:-.data/run/for-curl.sh}"

fail() { echo "$1" >&2; exit 1; }
field() { grep -o "\"$1\":\"[^\"]*\"" | head -n 1 | cut -d '"' -f 4; }
number() { grep -o "\"$1\":[0-9]*" | head -n 1 | cut -d ':' -f 2; }
KEY="curl-$$-$(date +%s)"
STEP=0

# call URL TOKEN BODY: posts, prints the call and the answer, keeps the answer in $ANSWER; ends when it was refused.
call() {
    STEP=$((STEP + 1))
    ANSWER=$(curl -sS -w '\n%{http_code}' "$1" -H "Authorization: Bearer $2" -H 'Content-Type: application/json' \
        -H "Idempotency-Key: $KEY-$STEP" -d "$3")
    CODE=$(printf '%s' "$ANSWER" | tail -n 1)
    ANSWER=$(printf '%s' "$ANSWER" | sed '$d')
    printf '\n$ POST %s  %s\n%s\n' "${1#http://*:*/}" "$3" "$ANSWER"
    [ "$CODE" = 200 ] || fail "refused ($CODE)"
}

# staff HOUSE LOGIN: signs a clerk in; the token is in $TOKEN.
staff() {
    TOKEN=$(curl -sS "$1/v1/sessions" -H 'Content-Type: application/json' \
        -d "{\"login\":\"$2\",\"password\":\"$PASSWORD\"}" | field token)
    [ -n "$TOKEN" ] || fail "$2 could not sign in"
}

# line HOUSE QUEUE STREAM: waits (at most a minute) until the stream stands on the worklist; what follows is in $LINE.
line() {
    TRIES=0
    until curl -sS "$1/v1/worklists/$2?city=310000&limit=2000&states=true" -H "Authorization: Bearer $TOKEN" \
        | grep -q "\"stream\":\"$3\""; do
        TRIES=$((TRIES + 1))
        [ "$TRIES" -lt 120 ] || fail "$3 did not come onto the worklist $2"
        sleep 0.5
    done
    LINE=$(curl -sS "$1/v1/worklists/$2?city=310000&limit=2000&states=true" -H "Authorization: Bearer $TOKEN" \
        | sed "s/.*\"stream\":\"$3\"//")
}

echo "# 1. A resident of Shanghai signs in: the authority sends the browser to the sandbox's sign-in and takes it back."
NUMBER=${1:-$((20 * ($(date +%s) % 40000 + 5000) + 4))}
JAR=$(mktemp)
trap 'rm -f "$JAR"' EXIT
AWAY=$(curl -sS -c "$JAR" -o /dev/null -w '%{redirect_url}' "$AUTHORITY/sign-in?how=card")
HOME_AGAIN=$(curl -sS -o /dev/null -w '%{redirect_url}' "$AWAY&prompt=none&login_hint=person_$NUMBER")
curl -sS -b "$JAR" -c "$JAR" -o /dev/null "$HOME_AGAIN"
# The browser's cookie is the same token that programs send as Authorization: Bearer.
APPLICANT=$(grep '[[:space:]]session[[:space:]]' "$JAR" | sed 's/.*[[:space:]]//')
[ -n "$APPLICANT" ] || fail "person_$NUMBER could not sign in: $HOME_AGAIN"
echo "person_$NUMBER is signed in."

echo; echo "# 2. May I? Then the application, with the digests of photo, signature and both sides of the ID card."
call "$AUTHORITY/v1/eligibility" "$APPLICANT" '{"city":310000,"document":"passport","ground":"expiring"}'
SHA=$(printf '%064d' 7)
call "$AUTHORITY/v1/application/submit" "$APPLICANT" "{\"city\":310000,\"document\":\"passport\",\"ground\":\"expiring\",\
\"mode\":\"post\",\"office\":\"310000-1\",\"phone\":\"19900000001\",\"destination\":310115,\"address\":\"上海市浦东新区平安路7号\",\
\"travels\":false,\"consents_to_face_comparison\":true,\"photo\":\"$SHA\",\"signature\":\"$SHA\",\
\"id_card_front\":\"$SHA\",\"id_card_back\":\"$SHA\"}"
CASE=$(printf '%s' "$ANSWER" | field case)
THIS="\"city\":310000,\"case\":\"$CASE\""

echo; echo "# 3. An examiner approves; the applicant pays at the payment service and comes back."
staff "$AUTHORITY" examiner
call "$AUTHORITY/v1/examination/approve" "$TOKEN" "{$THIS}"
call "$AUTHORITY/v1/payment/begin" "$APPLICANT" "{$THIS}"
PAYMENT_ID=$(printf '%s' "$ANSWER" | field payment)
call "$PAYMENT/v1/payments/$PAYMENT_ID/pay" "" '{"outcome":"paid"}'
call "$AUTHORITY/v1/payment/check" "$APPLICANT" "{$THIS}"

echo; echo "# 4. Production: a blank is drawn, printed, and checked by a second person, which issues the document."
staff "$AUTHORITY" production_clerk
call "$AUTHORITY/v1/stock/draw" "$TOKEN" "{\"city\":310000,\"stock\":\"st_310000_passport\",\"case\":\"$CASE\"}"
line "$AUTHORITY" production.started "$CASE"
BLANK=$(printf '%s' "$LINE" | number blank)
call "$AUTHORITY/v1/production/record_printed" "$TOKEN" "{$THIS,\"blank\":$BLANK}"
staff "$AUTHORITY" second_production_clerk
call "$AUTHORITY/v1/production/pass_check" "$TOKEN" "{$THIS,\"blank\":$BLANK}"

echo; echo "# 5. Hand-over: the post has named a waybill over the link; label, envelope, bag."
staff "$AUTHORITY" handover_clerk
line "$AUTHORITY" handover.to_label "$CASE"
WAYBILL=$(printf '%s' "$LINE" | field waybill)
ORDER=$(printf '%s' "$LINE" | field order)
BAG="bg_$(printf '%s' "$ORDER" | cut -c 4-23)"
SEAL="S-$(printf '%s' "$WAYBILL" | cut -c 1-12)"
call "$AUTHORITY/v1/handover/print_label" "$TOKEN" "{$THIS}"
call "$AUTHORITY/v1/handover/seal" "$TOKEN" "{$THIS,\"waybill\":\"$WAYBILL\",\"blank\":$BLANK,\"second_person\":\"st_colleague\"}"
THE_BAG="\"city\":310000,\"bag\":\"$BAG\""
call "$AUTHORITY/v1/bag/close" "$TOKEN" "{$THE_BAG,\"seal\":\"$SEAL\",\"office\":\"310000-1\",\"items\":{\"$WAYBILL\":\"$CASE\"}}"
call "$AUTHORITY/v1/bag/offer" "$TOKEN" "{$THE_BAG,\"seal\":\"$SEAL\"}"

echo; echo "# 6. The post counts the bag and signs; on the road; out for delivery (never at night)."
staff "$POST" acceptance_clerk
line "$POST" bag.expected "$BAG"
call "$POST/v1/bag/count" "$TOKEN" "{$THE_BAG,\"seal_seen\":\"$SEAL\",\"waybills\":[\"$WAYBILL\"],\"office\":\"310000-A\"}"
ITEM="\"city\":310000,\"item\":\"$ORDER\",\"waybill\":\"$WAYBILL\""
now() { date -u +%Y-%m-%dT%H:%M:%SZ; }
scan() { echo "sc_$(printf '%s' "$ORDER" | cut -c 4-15)$1"; }
sleep 1 # the next scan is told in whole seconds and must not seem older than the count
staff "$POST" driver
call "$POST/v1/transport/depart" "$TOKEN" "{$ITEM,\"scan_id\":\"$(scan a)\",\"place\":\"310000-A\",\"leg\":\"LEG-1\",\"occurred_at\":\"$(now)\"}"
staff "$POST" counter_clerk
call "$POST/v1/transport/arrive_office" "$TOKEN" "{$ITEM,\"scan_id\":\"$(scan b)\",\"place\":\"310115\",\"occurred_at\":\"$(now)\"}"
ROUND=$(now)
case $(date -u +%H) in 13 | 14 | 15 | 16 | 17 | 18 | 19 | 20 | 21) ROUND="$(date -u +%Y-%m-%d)T12:59:00Z" ;; esac
staff "$POST" courier
call "$POST/v1/delivery/take_out" "$TOKEN" "{$ITEM,\"scan_id\":\"$(scan c)\",\"office\":\"310115\",\"occurred_at\":\"$ROUND\"}"
COURIER=$TOKEN

echo; echo "# 7. At the door: the recipient confirms in the own session, the courier claims, the authority seals the proof."
staff "$AUTHORITY" city_manager
line "$AUTHORITY" tracking.on_the_way "$CASE"
call "$AUTHORITY/v1/tracking/confirm_at_door" "$APPLICANT" "{$THIS}"
call "$POST/v1/delivery/claim" "$COURIER" "{$ITEM,\"method\":2,\"occurred_at\":\"$(now)\"}"

echo; echo "# 8. Proven: for the authority the recipient's word is there; for the post only the sealed proof says delivered."
TRIES=0
until SAID=$(curl -sS "$POST/v1/delivery/claim" -H "Authorization: Bearer $COURIER" -H 'Content-Type: application/json' \
    -H "Idempotency-Key: $KEY-proof-$TRIES" -d "{$ITEM,\"method\":2,\"occurred_at\":\"$(now)\"}") \
    && printf '%s' "$SAID" | grep -q '"code":"delivery.already_delivered"'; do
    TRIES=$((TRIES + 1))
    [ "$TRIES" -lt 120 ] || fail "no proof came to the post: $SAID"
    sleep 0.5
done
printf '%s\n' "$SAID"
call "$AUTHORITY/v1/tracking/confirm_receipt" "$APPLICANT" "{$THIS}"
echo; echo "What the applicant sees ($AUTHORITY/cases/310000/$CASE):"
curl -sS "$AUTHORITY/cases/310000/$CASE?lang=en" -H "Cookie: session=$APPLICANT" | sed -n '/<main/,/<\/main>/p' \
    | sed 's/<[^>]*>//g' | grep -v '^[[:space:]]*$' | sed 's/^[[:space:]]*/    /'
echo; echo "Delivered with proof: case $CASE, waybill $WAYBILL."
