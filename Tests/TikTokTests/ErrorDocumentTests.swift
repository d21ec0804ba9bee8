import Foundation
import PipelineKit
import Testing

@testable import TikTok

/// docs/errors.md is the table of the code: `SPREADER_UPDATE_DOCS=1 swift test --filter ErrorDocumentTests` writes it.
@Suite struct ErrorDocumentTests {
    private static let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "docs/errors.md")

    private static func effect(_ recovery: StageError.Recovery) -> String {
        switch recovery {
        case .permanent: "stop"
        case .transient: "retry with back-off"
        case .limited(let seconds?) where seconds >= 86_400: "wait until tomorrow"
        case .limited(let seconds?): "wait \(Int(seconds)) s"
        case .limited(nil): "wait"
        case .ambiguous: "look up, never repeat"
        }
    }

    private static func rows(_ table: [String: TikTokErrorTable.Entry]) -> String {
        (["| code | what it means | what to do | by machine | exit |", "| --- | --- | --- | --- | --- |"]
            + table.sorted { $0.key < $1.key }.map { code, entry in
                "| `\(code)` | \(entry.message) | \(entry.hint) | \(effect(entry.recovery)) | \(entry.outcome.rawValue) |"
            }).joined(separator: "\n")
    }

    private static var document: String {
        """
        # What TikTok's errors mean

        Every code of TikTok's reference, and of answers that were recorded, with what the program makes of it. A code that is
        not listed is judged by its HTTP status: 401 is exit status 77, 429 a limit (75), 5xx a server error (69), anything else a
        refusal (65). `Retry-After` wins over the waits below. An answer to the request that creates a post that is a server
        error, garbage, half a body or nothing leaves the post `unconfirmed` (exit status 1): it is never sent again by machine.

        ## API calls (`error.code`)

        \(rows(TikTokErrorTable.api))

        ## Logins (`error`)

        \(rows(TikTokErrorTable.oauth))

        ## Posts that TikTok gave up (`fail_reason`)

        \(rows(TikTokErrorTable.failReasons))

        ## The upload address

        | status | what it means | by machine |
        | --- | --- | --- |
        | 201 | all bytes are there | go on |
        | 206 | this chunk is there | the next one |
        | 403, 404 | the address has run out, or is not known | stop; whether the post can begin anew is asked first |
        | 416 | the chunk does not follow what is there | ask how far it came, and go on from there |
        | 5xx, silence, a reset | not known whether the chunk arrived | ask, then the same chunk again |

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
