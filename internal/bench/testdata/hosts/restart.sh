# Restarts the app of a release: a web server of busybox's. It stands in the release.
pid=../../server.pid
if [ -s "$pid" ]; then
	kill "$(cat "$pid")" 2>/dev/null
	while kill -0 "$(cat "$pid")" 2>/dev/null; do sleep 0.05; done
fi
setsid sh -c 'echo $$ >../../server.pid; exec busybox httpd -f -p 8080 -h public' </dev/null >/dev/null 2>&1 &
