# HOSTS would be a filter of Capistrano itself.
ENV.fetch("FLEET").split.each do |host|
  address, root = host.split("=")
  server address, roles: :web, root: root
end
