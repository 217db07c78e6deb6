# One release on all hosts, as one writes it with Capistrano's own commands for a
# release that was built before: upload, unpack, link, restart, probe.
set :ssh_options, { keys: [ENV.fetch("KEY")], user_known_hosts_file: ENV.fetch("KNOWN_HOSTS"), user: "root", auth_methods: ["publickey"] }
set :format, :simple
set :log_level, :error
ENV.fetch("HOSTS").split.each { |h| server h.split("=")[0], roles: :web, root: h.split("=")[1] }

task :ship do
  on roles(:web), in: :parallel do |host|
    root = host.properties.root
    release = "#{root}/releases/#{ENV.fetch('RELEASE')}"
    execute :mkdir, "-p", release
    upload! ENV.fetch("TARBALL"), "#{root}/release.tgz"
    execute :tar, "-xzf", "#{root}/release.tgz", "-C", release
    execute :ln, "-sfn", release, "#{root}/new", "&&", :mv, "-T", "#{root}/new", "#{root}/current"
    within("#{root}/current") { execute :sh, "restart.sh" }
    ready = false
    50.times do
      ready = within("#{root}/current") { test :sh, "probe.sh" }
      break if ready
      sleep 0.2
    end
    raise "#{host} does not serve" unless ready
  end
end
