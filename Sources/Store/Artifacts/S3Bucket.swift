import Foundation
import PipelineKit

/// The address of a bucket in S3 or a compatible service.
struct S3Bucket: Sendable {
    let name: String
    /// Prepended to each object key; empty, or ends with a slash.
    let prefix: String
    /// `https://host[:port]`, without the bucket.
    let endpoint: URL
    /// Whether the bucket is part of the host name, as at AWS, or the first component of the path.
    let isVirtualHost: Bool

    /// - Parameter customEndpoint: The address of a service other than AWS; nil for AWS.
    /// - Throws: `StageError` with code `configuration` when the address of the service is invalid.
    init(name: String, prefix: String, region: String, endpoint customEndpoint: String?) throws(StageError) {
        guard let endpoint = URL(string: customEndpoint ?? "https://s3.\(region).amazonaws.com"),
            endpoint.host() != nil, ["", "/"].contains(endpoint.path())
        else {
            throw StageError(
                .configuration, "AWS_ENDPOINT_URL is not valid: \"\(customEndpoint ?? "")\"",
                hint: "write it as https://host:port")
        }
        self.name = name
        self.prefix = prefix.isEmpty || prefix.hasSuffix("/") ? prefix : prefix + "/"
        self.endpoint = endpoint
        // AWS's wildcard certificates don't match bucket names with dots.
        isVirtualHost = customEndpoint == nil && !name.contains(".")
    }

    /// The value of the Host header.
    var host: String {
        // The client omits the default port from the Host header, so the signature must omit it too.
        let defaultPort = endpoint.scheme == "http" ? 80 : 443
        let port = endpoint.port.flatMap { $0 == defaultPort ? nil : ":\($0)" } ?? ""
        return (isVirtualHost ? "\(name)." : "") + (endpoint.host() ?? "") + port
    }

    /// The absolute path of an object, percent-encoded.
    func path(of key: String) -> String {
        let object = AWSSignature.encode(prefix + key, keepingSlashes: true)
        return isVirtualHost ? "/\(object)" : "/\(AWSSignature.encode(name))/\(object)"
    }
}
