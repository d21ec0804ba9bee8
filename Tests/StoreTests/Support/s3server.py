"""A bucket for tests: checks every signature by itself, keeps objects in memory, misbehaves when told to.

Prints its port. `PUT /_fail` with a number answers so many requests with 503; `PUT /_cut` ends so many downloads early;
`PUT /_spoil` changes a byte of every object; `GET /_log` lists requests. Ends when its standard input does.
"""
import hashlib, hmac, http.server, json, os, sys, threading, urllib.parse

KEY, SECRET, REGION = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG", "eu-test-1"
objects, uploads, log, trouble = {}, {}, [], {"fail": 0, "cut": 0}
lock = threading.Lock()


def quote(text, safe="-_.~"):
    return urllib.parse.quote(text, safe=safe)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", headers={}, length=None):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def error(self, status, code):
        self.answer(status, f"<Error><Code>{code}</Code><Message>said by the test</Message></Error>".encode())

    def problem(self, path, query, body):
        """What is wrong with the request's signature."""
        try:
            scheme, rest = self.headers["Authorization"].split(" ", 1)
            parts = dict(part.strip().split("=", 1) for part in rest.split(","))
            key, day, region, service, end = parts["Credential"].split("/")
        except (KeyError, ValueError, AttributeError):
            return "AccessDenied"
        names = parts["SignedHeaders"].split(";")
        if (scheme, key, region, service, end) != ("AWS4-HMAC-SHA256", KEY, REGION, "s3", "aws4_request"):
            return "InvalidAccessKeyId"
        if not {"host", "x-amz-date", "x-amz-content-sha256"} <= set(names):
            return "AccessDenied"
        if self.headers["x-amz-content-sha256"] != hashlib.sha256(body).hexdigest():
            return "XAmzContentSHA256Mismatch"
        pairs = sorted((quote(name), quote(value)) for name, value in urllib.parse.parse_qsl(query, keep_blank_values=True))
        request = "\n".join([
            self.command, quote(urllib.parse.unquote(path), "-_.~/"), "&".join(f"{a}={b}" for a, b in pairs),
            "".join(f"{name}:{self.headers[name].strip()}\n" for name in names), ";".join(names),
            self.headers["x-amz-content-sha256"]])
        text = "\n".join(["AWS4-HMAC-SHA256", self.headers["x-amz-date"], f"{day}/{region}/s3/aws4_request",
                          hashlib.sha256(request.encode()).hexdigest()])
        key = ("AWS4" + SECRET).encode()
        for part in (day, region, "s3", "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        good = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        return None if hmac.compare_digest(good, parts["Signature"]) else "SignatureDoesNotMatch"

    def handle_one(self):
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if path == "/_log":
            return self.answer(200, json.dumps(log).encode())
        if path == "/_spoil":
            for name, data in objects.items():
                objects[name] = bytes([data[0] ^ 1]) + data[1:]
            return self.answer(200)
        if path in ("/_fail", "/_cut"):
            trouble[path[2:]] = int(body)
            return self.answer(200)
        fields = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        with lock:
            log.append(f"{self.command} {query.split('=')[0] if query else ''} {self.headers.get('Range', '')}".strip())
            problem = self.problem(path, query, body)
            if problem:
                return self.error(403, problem)
            if trouble["fail"] > 0:
                trouble["fail"] -= 1
                return self.error(503, "SlowDown")
            if "uploads" in fields:
                identifier = f"upload/{len(uploads)}+="
                uploads[identifier] = {}
                return self.answer(200, f"<R><UploadId>{identifier}</UploadId></R>".encode())
            if "uploadId" in fields:
                upload = uploads.get(fields["uploadId"])
                if upload is None:
                    return self.error(404, "NoSuchUpload")
                if self.command == "PUT":
                    upload[int(fields["partNumber"])] = body
                    return self.answer(200, headers={"ETag": f'"{hashlib.md5(body).hexdigest()}"'})
                if self.command == "DELETE":
                    del uploads[fields["uploadId"]]
                    return self.answer(204)
                if any(f'"{hashlib.md5(part).hexdigest()}"' not in body.decode() for part in upload.values()):
                    return self.error(400, "InvalidPart")
                objects[path] = b"".join(part for _, part in sorted(upload.items()))
                del uploads[fields["uploadId"]]
                return self.answer(200, b"<CompleteMultipartUploadResult/>")
            if self.command == "PUT":
                objects[path] = body
                return self.answer(200)
            if path not in objects:
                return self.answer(404) if self.command == "HEAD" else self.error(404, "NoSuchKey")
            data = objects[path]
            if self.command == "HEAD":
                return self.answer(200, length=len(data))
            status, start, end = 200, 0, len(data) - 1
            if self.headers.get("Range"):
                start, end = (int(number) for number in self.headers["Range"][6:].split("-"))
                status = 206
            part = data[start:end + 1]
            if trouble["cut"] > 0:
                trouble["cut"] -= 1
                self.answer(status, part[:len(part) // 2], length=len(part))
                self.close_connection = True
                return None
            self.answer(status, part)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_one


def end_with_parent():
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=end_with_parent, daemon=True).start()
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
