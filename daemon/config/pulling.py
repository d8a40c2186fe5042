"""The keys of `tidemill pull`: where it asks, and what it shows there."""

from typing import Annotated

from pydantic import Field, SecretStr, field_validator

from daemon.config.section import Section

URL_WORDS = "http://host:port or https://host:port; in a user or password / is %2F, ? is %3F, # is %23 and @ is %40"


class Pull(Section):
    """A follower of the champion."""

    url: Annotated[SecretStr, Field(json_schema_extra={"right": URL_WORDS})] = SecretStr("")
    """The server that `tidemill pull` asks, user and password included where it wants them; empty: http.host's."""
    token: Annotated[SecretStr, Field(json_schema_extra={"right": "a text of visible ASCII characters"})] = SecretStr(
        ""
    )
    """Bearer token that `tidemill pull` shows to the server or to a proxy before it; empty: none."""

    @field_validator("token", mode="after")
    @classmethod
    def _token_fits_a_header(cls, token: SecretStr) -> SecretStr:
        if not all("!" <= letter <= "~" for letter in token.get_secret_value()):
            raise ValueError("not a token")
        return token
