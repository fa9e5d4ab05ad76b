"""Objects of buckets, for what the workflow itself has to know: whether a result is there, which version, and small files.

Keys, regions and endpoints come from the environment, by the names that barkbird takes (docs/buckets.md): obstore is the same client.
"""

import os
import time

try:
    import obstore
    from obstore.store import AzureStore, GCSStore, S3Store
except ImportError:
    # Only buckets need it; common.smk says so where one is named.
    obstore = None
else:
    KINDS = {"s3": S3Store, "gs": GCSStore, "az": AzureStore}


def is_url(place):
    """Whether a place is not a path, such as s3://bucket/run."""
    return "://" in place


def opened(url):
    """The bucket of a URL, and the key of the object."""
    scheme, _, rest = url.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme not in KINDS:
        raise ValueError(f"{url}: expected a path, or a URL that begins with {'://, '.join(KINDS)}://")
    # As barkbird does: without encryption only where the user has named such a server.
    endpoints = (os.environ.get(name, "") for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"))
    options = {"allow_http": next(filter(None, endpoints), "").startswith("http://")}
    return KINDS[scheme](bucket, client_options=options), key.strip("/")


def answer(ask, *arguments):
    """The answer to a request, or an OSError. Requests that fail are sent again by obstore, those whose answer is cut off here."""
    began = time.monotonic()
    for seconds in (0.1, 0.3, 1, 3, None):
        try:
            return ask(*arguments)
        except FileNotFoundError:
            raise
        except obstore.exceptions.BaseError as error:
            # obstore itself gives up after three minutes.
            if seconds is None or time.monotonic() - began > 60:
                raise OSError(str(error).strip().splitlines()[0]) from None
            time.sleep(seconds)


def version(url):
    """A word that changes whenever the object does; None if there is no such object."""
    try:
        found = answer(obstore.head, *opened(url))
    except FileNotFoundError:
        return None
    return found["e_tag"] or found["last_modified"].isoformat()


def is_there(url):
    """Whether there is an object, or one below this prefix."""
    if version(url) is not None:
        return True
    store, key = opened(url)
    return answer(lambda: any(obstore.list(store, prefix=f"{key}/", chunk_size=1)))


def read(place):
    """The text of a file or object."""
    if not is_url(place):
        with open(place, encoding="utf-8", newline="") as file:
            return file.read()
    store, key = opened(place)
    return answer(lambda: bytes(obstore.get(store, key).bytes())).decode()


def write(place, text):
    """Writes a file or object, of which no reader sees a part."""
    if is_url(place):
        store, key = opened(place)
        answer(obstore.put, store, key, text.encode())
        return
    temporary = f"{place}.tmp"
    with open(temporary, "w", encoding="utf-8", newline="") as file:
        file.write(text)
    os.replace(temporary, place)
