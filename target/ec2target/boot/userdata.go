package boot

import (
	_ "embed"
	"errors"
	"fmt"
	"strings"

	"github.com/muster-deploy/muster/target/host"
)

//go:embed userdata.sh
var userdata string

// Instance says where an instance finds what it needs. Region is required.
type Instance struct {
	// Region is the bucket's, and the instance's.
	Region string

	// Hook is the name of the lifecycle hook of Group, an Auto Scaling group, that keeps
	// instances out of service until they have booted; empty: there is none.
	Hook, Group string

	// Objects, Scaling and Metadata are where the services are reached, without a slash at
	// the end: the bucket, Auto Scaling, the instance's metadata. Empty: where AWS has
	// them.
	Objects, Scaling, Metadata string
}

// most is the most that EC2 takes as user data, in bytes.
const most = 16 << 10

// UserData is the script for the launch template of the fleet's instances. It is the same
// for all releases.
func (p *Pointer) UserData(i Instance) (string, error) {
	if !plain.MatchString(i.Region) {
		return "", fmt.Errorf("boot: Region is %q: want the name of one", i.Region)
	}
	if (i.Hook == "") != (i.Group == "") {
		return "", errors.New("boot: Hook and Group go together")
	}
	or(&i.Objects, "https://"+p.c.Bucket+".s3."+i.Region+".amazonaws.com")
	or(&i.Scaling, "https://autoscaling."+i.Region+".amazonaws.com")
	or(&i.Metadata, "http://169.254.169.254")
	var b strings.Builder
	b.WriteString("#!/bin/sh\n# muster: brings this instance up on the release that is declared.\n\nset -u\n")
	for _, v := range [][2]string{
		{"region", i.Region}, {"objects", i.Objects}, {"scaling", i.Scaling}, {"metadata", i.Metadata},
		{"prefix", p.c.Prefix}, {"hook", i.Hook}, {"group", i.Group},
	} {
		b.WriteString(v[0] + "=" + host.Quote(v[1]) + "\n")
	}
	b.WriteString("\n" + userdata)
	if b.Len() > most {
		return "", fmt.Errorf("boot: the user data would have %d bytes, and EC2 takes %d", b.Len(), most)
	}
	return b.String(), nil
}

func or(field *string, value string) {
	if *field == "" {
		*field = value
	}
}
