# One release on all hosts, as one writes it with Capistrano for a release that was
# built before: send, unpack, switch, restart, probe. Its own upload!, which is Ruby's
# scp, takes several times as long for twenty hosts at once.
task :ship do
  scp = ["scp", "-q", "-i", ENV.fetch("KEY"), "-o", "IdentitiesOnly=yes", "-o", "UserKnownHostsFile=#{ENV.fetch('KNOWN_HOSTS')}"]
  on roles(:web), in: :parallel do |host|
    root = host.properties.root
    current = "#{root}/current"
    release = "#{root}/releases/#{ENV.fetch('RELEASE')}"
    execute :mkdir, "-p", release
    system(*scp, ENV.fetch("TARBALL"), "root@#{host.hostname}:#{root}/release.tgz", exception: true)
    execute :tar, "-xzf", "#{root}/release.tgz", "-C", release
    execute :ln, "-sfn", release, "#{root}/new", "&&", :mv, "-T", "#{root}/new", current
    within(current) { execute :sh, "restart.sh" }
    ready = 50.times.any? { within(current) { test :sh, "probe.sh" } || sleep(0.2).zero? }
    raise "#{host} does not serve" unless ready
  end
end
