set :application, "app"
set :format, :blackhole
set :log_level, :warn
# Connections are kept for all commands of a deploy.
SSHKit::Backend::Netssh.pool.idle_timeout = 600
SSHKit::Backend::Netssh.configure do |ssh|
  ssh.ssh_options = {
    user: "root", keys: [ENV.fetch("KEY")], keys_only: true, auth_methods: ["publickey"],
    user_known_hosts_file: ENV.fetch("KNOWN_HOSTS"), verify_host_key: :always,
  }
end
