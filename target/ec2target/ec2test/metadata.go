package ec2test

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
)

// ServeHTTP answers instances that use no SDK: at /metadata/ID what the instance of that
// id is told by its metadata service (version 2: with a token), its role's credentials
// among it, and at /autoscaling/ the CompleteLifecycleAction of Auto Scaling, as a form.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/autoscaling/") {
		c.query(w, r)
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/metadata/")
	id, path, slash := strings.Cut(path, "/latest/")
	c.mu.Lock()
	i := c.instances[id]
	c.mu.Unlock()
	switch {
	case !ok || !slash || i == nil:
		http.NotFound(w, r)
	case path == "api/token" && r.Method == http.MethodPut:
		fmt.Fprint(w, "token of "+id)
	case r.Header.Get("X-Aws-Ec2-Metadata-Token") != "token of "+id:
		http.Error(w, "a token is wanted", http.StatusUnauthorized)
	default:
		if text, ok := i.told(strings.TrimPrefix(path, "meta-data/")); ok {
			fmt.Fprint(w, text)
			return
		}
		http.NotFound(w, r)
	}
}

// told is what the metadata of an instance say.
func (i *instance) told(path string) (text string, ok bool) {
	if tag, isTag := strings.CutPrefix(path, "tags/instance/"); isTag {
		text, ok = i.Tags[tag]
		return text, ok && i.ReadableTags
	}
	switch path {
	case "instance-id":
		return i.ID, true
	case "placement/availability-zone":
		return i.Zone, i.Zone != ""
	case "iam/security-credentials/":
		return "role", true
	case "iam/security-credentials/role":
		return fmt.Sprintf("{\n  \"Code\" : \"Success\",\n  \"AccessKeyId\" : %q,\n  \"SecretAccessKey\" : \"s3cr3t/+=\",\n  \"Token\" : \"t0ken/+==\",\n  \"Expiration\" : %q\n}",
			key(i.ID), time.Now().Add(6*time.Hour).UTC().Format(time.RFC3339)), true
	}
	return "", false
}

// key is the access key that the role of an instance has.
func key(id string) string { return "AKIA" + strings.ToUpper(strings.ReplaceAll(id, "-", "")) }

// Signed returns the id of the instance with whose role's credentials a request to a
// service, such as "s3", is signed; empty if with none's. It looks at whose
// signature it is, and does not compute it.
func (c *Cloud) Signed(r *http.Request, service string) string {
	auth := r.Header.Get("Authorization")
	if r.Header.Get("X-Amz-Security-Token") != "t0ken/+==" || !strings.Contains(auth, "/"+service+"/aws4_request") {
		return ""
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range c.instances {
		if strings.HasPrefix(auth, "AWS4-HMAC-SHA256 Credential="+key(id)+"/") {
			return id
		}
	}
	return ""
}

// query is Auto Scaling as who has only curl asks it.
func (c *Cloud) query(w http.ResponseWriter, r *http.Request) {
	if c.Signed(r, "autoscaling") == "" {
		http.Error(w, "AccessDenied", http.StatusForbidden)
		return
	}
	if action := r.PostFormValue("Action"); action != "CompleteLifecycleAction" {
		http.Error(w, "InvalidAction "+action, http.StatusBadRequest)
		return
	}
	_, err := c.CompleteLifecycleAction(r.Context(), &autoscaling.CompleteLifecycleActionInput{
		AutoScalingGroupName:  new(r.PostFormValue("AutoScalingGroupName")),
		LifecycleHookName:     new(r.PostFormValue("LifecycleHookName")),
		LifecycleActionResult: new(r.PostFormValue("LifecycleActionResult")),
		InstanceId:            new(r.PostFormValue("InstanceId")),
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}
