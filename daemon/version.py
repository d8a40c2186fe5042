"""The version of Tidemill; CHANGELOG.md's newest entry carries the same number."""

VERSION = "0.2.0"
