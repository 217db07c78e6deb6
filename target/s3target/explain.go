package s3target

import (
	"fmt"
	"net/http"
)

// explain says what to do about an error of a server.
func (t *Target) explain(action, name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %s%w", t.url(name), t.reason(action, err), err)
}

// reason is what an error means, where its code alone does not say what to do.
func (t *Target) reason(action string, err error) string {
	switch code(err) {
	case "NoSuchBucket":
		return fmt.Sprintf("there is no bucket %s: ", t.config.Bucket)
	case "AccessDenied", "Forbidden":
		return fmt.Sprintf("the credentials lack %s on it, or s3:ListBucket on the bucket, without which absence is forbidden too: ", action)
	case "AccessControlListNotSupported":
		return "the bucket refuses ACLs, and none was sent: "
	case "PermanentRedirect", "MovedPermanently", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
		return fmt.Sprintf("the bucket %s is in another region than the client's: ", t.config.Bucket)
	case "ExpiredToken", "ExpiredTokenException", "RequestExpired":
		return "the credentials have expired: "
	case "InvalidAccessKeyId", "XAdminUserNotFound":
		return "the server does not know the credentials: "
	case "SignatureDoesNotMatch":
		return "the secret key is not that of the access key, or something on the way changes requests: "
	case "RequestTimeTooSkewed":
		return "this machine's clock differs too much from the server's: "
	case "XMinioStorageFull", "QuotaExceeded":
		return full
	}
	if status(err) == http.StatusInsufficientStorage {
		return full
	}
	return ""
}

// full is what is said about a server that cannot take more.
const full = "the server has no room left: "
