import Foundation
import PipelineKit
import Testing

@testable import TikTok

/// Checks that docs/errors.md matches `TikTokErrorTable`. `SPREADER_UPDATE_DOCS=1 swift test --filter ErrorDocumentTests`
/// writes the page.
@Suite struct ErrorDocumentTests {
    private static let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "docs/errors.md")

    private static func effect(_ recovery: StageError.Recovery) -> String {
        switch recovery {
        case .permanent: "stop"
        case .transient: "retry with backoff"
        case .limited(let seconds?) where seconds >= 86_400: "wait until tomorrow"
        case .limited(let seconds?): "wait \(Int(seconds)) s"
        case .limited(nil): "wait"
        case .ambiguous: "look up, never repeat"
        }
    }

    private static func rows(_ table: [String: TikTokErrorTable.Entry]) -> String {
        (["| code | meaning | what to do | what the program does | exit |", "| --- | --- | --- | --- | --- |"]
            + table.sorted { $0.key < $1.key }.map { code, entry in
                "| `\(code)` | \(entry.message) | \(entry.hint) | \(effect(entry.recovery)) | \(entry.outcome.rawValue) |"
            }).joined(separator: "\n")
    }

    private static var document: String {
        """
        # TikTok's errors

        This page lists every code in TikTok's reference and in recorded responses, and what the program does about it. A code
        that is not listed is judged by its HTTP status: 401 gives exit status 77, 429 counts as a limit (75), 5xx as a server
        error (69), and anything else as a refusal (65). A `Retry-After` header takes precedence over the waits below. If the
        request that creates a post gets a server error, garbage, half a body or no response, the post is `unconfirmed` (exit
        status 1): the program never sends it again automatically.

        ## API calls (`error.code`)

        \(rows(TikTokErrorTable.api))

        ## Logins (`error`)

        \(rows(TikTokErrorTable.oauth))

        ## Posts that TikTok rejected (`fail_reason`)

        \(rows(TikTokErrorTable.failReasons))

        ## The upload URL

        | status | meaning | what the program does |
        | --- | --- | --- |
        | 201 | TikTok has all bytes | ends the upload |
        | 206 | TikTok has this chunk | sends the next chunk |
        | 403, 404, 410 | the URL has expired or is unknown | asks for the status; creates a new post only if bytes are certainly missing |
        | 416 | the chunk does not follow the bytes that TikTok has | asks how many bytes arrived, and continues there |
        | 5xx, no response, a reset connection | it is unknown whether the chunk arrived | asks, then sends the same chunk again |

        """
    }

    @Test func theDocumentIsTheTable() throws {
        if ProcessInfo.processInfo.environment["SPREADER_UPDATE_DOCS"] == "1" {
            try Data(Self.document.utf8).write(to: Self.file)
        }
        let written = try String(contentsOf: Self.file, encoding: .utf8)
        #expect(written == Self.document, "run: SPREADER_UPDATE_DOCS=1 swift test --filter ErrorDocumentTests")
    }
}
