import Crypto
import Foundation

/// Checks an uploaded file as TikTok does. Shares no code with the product's media module, so that the check is independent.
enum MediaInspector {
    /// Reads the container and the SHA-256 of the file, and applies TikTok's limits.
    static func inspect(_ url: URL, settings: SandboxSettings) async throws -> Inspection {
        let file = try PosixFile(url, .read)
        let facts: MediaFacts?
        do {
            facts = try read(file)
        } catch is UnreadableMedia {
            facts = nil
        }
        let digest = try await sha256(of: file)
        let reason =
            settings.failReason ?? MediaRules.failReason(facts, maxDuration: settings.maxVideoPostDurationSeconds)
        return Inspection(sha256: digest, facts: facts, failReason: reason)
    }

    /// Reads the properties of a file. Throws ``UnreadableMedia`` if TikTok could not play it.
    static func read(_ file: PosixFile) throws -> MediaFacts {
        var reader = try ByteReader(file)
        let start = try reader.bytes(at: 0, upTo: 12)
        if start.starts(with: [0x1A, 0x45, 0xDF, 0xA3]) {
            var matroska = MatroskaReader(reader: reader)
            return try matroska.read()
        }
        guard start.count >= 8 else { throw UnreadableMedia("the file is too short") }
        var movie = MovieReader(reader: reader)
        return try movie.read()
    }

    private static func sha256(of file: PosixFile) async throws -> String {
        var hash = SHA256()
        var offset: Int64 = 0
        while true {
            try Task.checkCancellation()
            let piece = try file.read(at: offset, count: PosixFile.bufferSize)
            if piece.isEmpty { return hexadecimal(hash.finalize()) }
            hash.update(data: piece)
            offset += Int64(piece.count)
            // Lets requests run on this thread while a large file is hashed.
            await Task.yield()
        }
    }
}
