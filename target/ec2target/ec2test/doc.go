// Package ec2test is a cloud in memory, for tests of what runs on EC2: instances, tags,
// Auto Scaling groups, SSM with Run Command and parameters, target groups of a load
// balancer. A Cloud is the client of each of these services, as the packages beside
// this one take it.
//
//	cloud := ec2test.New(ec2test.Config{Visible: time.Millisecond})
//	cloud.Launch(ec2test.Instance{ID: "i-00000001", Machine: &ec2test.Shell{Dir: t.TempDir()}})
//	sender, err := runcommand.New(runcommand.Config{Client: cloud})
//
// # Machines
//
// A Shell is a real sh in a real directory: what a command brings is run, not
// imitated. All instances of a fleet are told one root; give them Root, which leads each
// into its own directory.
//
// A Model answers as the script of the package host does, without running anything: it
// takes as long as it is told, which in a bubble of testing/synctest is no time. Ten
// thousand of them fit into a test.
//
// # What goes wrong
//
// Calls are throttled beyond Config.Limits. Faults lose answers, run commands twice and
// late, and lose them on their way. Instances boot and end whenever the test wants; one
// that is Cut off is there, and its agent is not. An Auto Scaling group starts what is
// missing, holds it by a lifecycle hook, and gives up on it.
//
// What boots does it by Instance.Boot: as a Model, or as a Shell that runs its user data.
// A Cloud is an http.Handler for those that have only curl to ask it by.
//
// Behaviour over time is what this cloud is for. The shapes of requests and answers are
// held against another imitation, moto, in the tests of the packages that send them.
package ec2test
