// Package boot has instances that boot come up on the release that is declared, without
// anybody's help: it keeps a pointer in S3 that names the release, and makes the user
// data by which an instance follows it.
//
//	pointer, err := boot.New(boot.Config{
//		Client: client, Bucket: "acme-deploys", Prefix: "boot/shop/", Host: hosts,
//	})
//	web, err := ec2target.New(ec2target.Config{ ..., Host: hosts, Boot: pointer })
//	text, err := pointer.UserData(boot.Instance{Region: "eu-central-1"}) // for the launch template
//
// # The pointer
//
// A fleet prepares a release, and Publish puts what an instance needs of it beside the
// pointer: its manifest, its pack, and the script that makes it live. A fleet declares a
// release, and Declare moves the pointer, by a conditional write: never to a release in
// flight, and never back behind a higher number, which is target.ErrStale.
//
// # The instance
//
// The user data reads the pointer with the instance's own role, fetches what it names,
// holds every byte against its sum, and makes it live by the same script that the fleet
// uses: with the same fence, under the declared order's number. Then it reads the pointer
// again, and begins anew if it has changed. Where a lifecycle hook keeps the instance out
// of service until then, it is completed only now.
//
// An instance that cannot get on tries again, ever slower, and leaves a hook uncompleted:
// Auto Scaling gives up on it in its own time. Nothing is suspended, here or anywhere.
//
// It needs curl from 7.75 on, which signs its requests, and what every host needs. The
// credentials go to curl by its input, on no command line. What was fetched is removed when
// the instance is up.
//
// An instance whose tag muster-boot is "candidate", and which may read its tags, follows
// another pointer, that Propose moves to a release in flight. It serves nobody, and is
// the package canary's. A tag that cannot be asked for keeps an instance from booting; one
// that is not there does not.
//
// # Permissions
//
// The file policy.json beside this one is what the deployer needs, and instance.json
// what the instance's role does, with names in the place of BUCKET and PREFIX; REGION,
// ACCOUNT and GROUP are for a lifecycle hook. Whoever can write there decides what
// instances run.
//
// Nothing is deleted there: an instance may boot into any release that is rolled back
// to. A lifecycle rule of the bucket would in the end take the live one, too.
package boot
