import Foundation

/// The durable list of everything that changed the state, one JSON line an event.
///
/// A line is written in one call before the change is answered to anyone. Killed in the middle of it, the next start cuts the torn
/// last line off; a page that the kernel holds survives the death of the process.
struct Journal {
    private let file: PosixFile
    private let encoder: JSONEncoder

    /// Opens the journal and returns what it holds.
    static func open(_ url: URL) throws(SandboxError) -> (journal: Journal, events: [SandboxEvent]) {
        do {
            let data = (try? Data(contentsOf: url)) ?? Data()
            let (events, intact) = try read(data, path: url.path)
            if intact < data.count {
                try PosixFile(url, .readWrite).truncate(to: Int64(intact))
            }
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return (Journal(file: try PosixFile(url, .append), encoder: encoder), events)
        } catch let error as SandboxError {
            throw error
        } catch {
            throw SandboxError(.storage, "the journal \(url.path) cannot be opened: \(error)")
        }
    }

    /// Makes an event durable.
    func append(_ event: SandboxEvent) throws {
        var line = try encoder.encode(event)
        line.append(UInt8(ascii: "\n"))
        try file.append(line)
    }

    private static func read(_ data: Data, path: String) throws -> (events: [SandboxEvent], intact: Int) {
        let decoder = JSONDecoder()
        var events: [SandboxEvent] = []
        var start = data.startIndex
        var number = 0
        while let end = data[start...].firstIndex(of: UInt8(ascii: "\n")) {
            number += 1
            do {
                events.append(try decoder.decode(SandboxEvent.self, from: data[start..<end]))
            } catch {
                throw SandboxError(
                    .damagedJournal, "\(path):\(number): this line of the sandbox's journal cannot be read",
                    hint: "move the folder away to start with an empty sandbox")
            }
            start = data.index(after: end)
        }
        return (events, start - data.startIndex)
    }
}
