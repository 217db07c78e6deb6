// Package httpdepot is a host.Depot of one's own: packs in a directory, which hosts
// fetch from a web server of the deployer's.
//
//	depot, err := httpdepot.New(httpdepot.Config{
//		Dir: "/var/lib/deployer/packs",
//		URL: "https://deployer.internal:8443/packs/",
//	})
//	http.Handle("/packs/", http.StripPrefix("/packs/", depot))
//	packs := &host.Packs{Depot: depot}
//
// Each URL names one pack, and is signed with a key that only this process has: it
// works until its time is over, or the process ends. Serve it by TLS where others can
// listen. It lists nothing, and takes nothing but GET and HEAD.
package httpdepot
