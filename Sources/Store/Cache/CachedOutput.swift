package import Foundation
package import PipelineKit

/// The cached output of a pure stage.
package struct CachedOutput: Sendable {
    /// How an output was made.
    package struct Origin: Codable, Sendable {
        package var stage: String
        /// The asset that it was made from, as the user named it.
        package var asset: String
        /// The path of the asset.
        package var path: String
        /// The work folder of the run, where the stage wrote its files.
        package var folder: String
        package var run: String
        package var madeAt: Date
        /// How long the stage took, in seconds.
        package var seconds: Double

        package init(
            stage: String, asset: String, path: String, folder: String, run: String, madeAt: Date, seconds: Double
        ) {
            self.stage = stage
            self.asset = asset
            self.path = path
            self.folder = folder
            self.run = run
            self.madeAt = madeAt
            self.seconds = seconds
        }
    }

    /// The cache key: a digest of everything that determines the output.
    package var key: String
    /// The readable parts of the key, to explain a cache miss.
    package var parts: JSONValue
    package var origin: Origin
    package var artifact: JSONValue
    /// The files that the stage created; the cache keeps their content.
    package var files: [FileReference]
    /// When the entry was last used: its mtime in the cache.
    package var usedAt = Date.distantPast
    /// The size of the entry itself, without its files.
    var entryBytes: Int64 = 0

    package init(key: String, parts: JSONValue, origin: Origin, artifact: JSONValue, files: [FileReference]) {
        self.key = key
        self.parts = parts
        self.origin = origin
        self.artifact = artifact
        self.files = files
    }

    /// The total size of its files.
    package var bytes: Int64 { files.reduce(0) { $0 + $1.bytes } }
}

/// One flat JSON object, with the keys of ``Origin`` among the others.
extension CachedOutput: Codable {
    private enum CodingKeys: String, CodingKey {
        case key, parts, artifact, files
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        key = try container.decode(String.self, forKey: .key)
        parts = try container.decode(JSONValue.self, forKey: .parts)
        origin = try Origin(from: decoder)
        artifact = try container.decode(JSONValue.self, forKey: .artifact)
        files = try container.decode([FileReference].self, forKey: .files)
    }

    package func encode(to encoder: any Encoder) throws {
        try origin.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(key, forKey: .key)
        try container.encode(parts, forKey: .parts)
        try container.encode(artifact, forKey: .artifact)
        try container.encode(files, forKey: .files)
    }
}
