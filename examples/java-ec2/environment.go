package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// check returns all that the environment lacks at once; to print user data takes less.
func check(cloud aws.Config, userData bool) error {
	var all []error
	want := func(value, name, what string) {
		if value == "" {
			all = append(all, fmt.Errorf("%s is not set: want %s", name, what))
		}
	}
	want(os.Getenv("DEPLOYS_BUCKET"), "DEPLOYS_BUCKET", "the bucket for records and releases")
	want(cloud.Region, "AWS_REGION", "the region of the bucket and of the instances")
	if !userData {
		want(os.Getenv("REPOSITORY"), "REPOSITORY", "the URL of the app's repository")
		want(cmp.Or(os.Getenv("GROUP"), os.Getenv("HOSTS")), "GROUP", "the name of an Auto Scaling group (or HOSTS, to be reached by ssh)")
	}
	if os.Getenv("HOSTS") != "" {
		want(os.Getenv("SSH_USER"), "SSH_USER", "the user on HOSTS")
		want(os.Getenv("SSH_KEY"), "SSH_KEY", "the file of the user's private key")
		want(os.Getenv("SSH_KNOWN_HOSTS"), "SSH_KNOWN_HOSTS", "the file with the keys of HOSTS, as ssh-keyscan writes it")
	}
	return errors.Join(all...)
}
