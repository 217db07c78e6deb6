// Package runcommand reaches instances by SSM Run Command: a host.Transport for each,
// and one Sender for all of them.
//
//	sender, err := runcommand.New(runcommand.Config{Client: ssm.NewFromConfig(cfg)})
//	transport := sender.Instance("i-0123456789abcdef0")
//
// # One command for fifty
//
// A fleet calls each of its hosts for itself. What is the same for many of them, and
// comes at about the same time, is sent as one command for up to fifty instances: the
// answer of each is read from the list of the command's invocations, all fifty by one
// call. A call for which nothing like it is under way is sent at once; others wait a
// moment for company.
//
// How long the calls of a kind take on the hosts is learned, and a command is looked at
// when half of it will have ended, and when all will, rather than each second. One that
// SSM works off few by few (of the hosts that fetch, only so many may at once) is looked
// at shortly before its end, and then at it. A list that does not know the command yet,
// as in its first second, is patience, not failure.
//
// Ten thousand instances take a release by fewer than 2,400 calls, in less than 1.05 times
// what no schedule could beat, by the defaults of this package and of ec2target:
// TestTenThousandInstancesTakeHardlyLongerThanTheIdeal prints where both go. Calls and Sends
// are to be what SSM grants the account, as they are there. A Gather that is longer has
// fewer calls and more time, and the other way round.
//
// # What is sent
//
// The document AWS-RunShellScript with the host's script, compressed, which holds
// nothing that SSM would replace ({{ssm:...}}), whatever names of people's are in it.
// SSM shows only the start of an output, and the end is what matters: so the host first
// prints the end of what the script said, and its answer, both short. All of it comes
// after that; the bucket of Config.Logs keeps it whole.
//
// SSM itself remembers commands for thirty days, with the URLs that hosts were to fetch
// from. They are useless after minutes.
//
// # What goes wrong
//
// A command may run twice on a host (an agent that restarts), or late: the script is
// built for both. One whose answer to SendCommand was lost is sent again. An instance
// that SSM does not know fails alone, though SSM refuses all fifty for it. When the last
// caller of a command has given up, it is cancelled.
//
// # Permissions
//
// The file policy.json beside this one, with names in the place of REGION, ACCOUNT, TAG
// and VALUE, is all that a Sender needs; a test holds it to that. The instances need the
// managed policy AmazonSSMManagedInstanceCore, and s3:PutObject where there are logs.
package runcommand
