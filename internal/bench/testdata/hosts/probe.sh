# Ends with 0 if the release serves.
[ "$(curl -s -m 5 http://127.0.0.1:8080/version)" = "$(cat public/version)" ]
