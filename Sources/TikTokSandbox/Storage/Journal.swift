import Foundation

/// The log of all events, one JSON line each.
///
/// An event is written before the response to its request is sent. If the process is killed during the write, the next
/// start removes the partial last line. Written lines survive the death of the process in the page cache.
struct Journal {
    private let file: PosixFile
    private let encoder: JSONEncoder

    /// Opens the journal and returns its events.
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
            throw SandboxError(.storage, "cannot open the journal \(url.path): \(error)")
        }
    }

    /// Appends an event as one line.
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
                    .damagedJournal, "\(path):\(number): invalid line in the sandbox's journal",
                    hint: "move the folder away, so that the sandbox starts empty")
            }
            start = data.index(after: end)
        }
        return (events, start - data.startIndex)
    }
}
