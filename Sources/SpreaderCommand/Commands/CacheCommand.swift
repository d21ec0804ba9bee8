import ArgumentParser
import Foundation
import PipelineKit
import Store

/// `cache ls|prune`: what is kept for later runs.
struct CacheCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cache", abstract: "Show or erase what is kept for later runs.",
        discussion: """
            The outputs of pure stages are kept on this machine and reused by any run with the same footage, options \
            and versions. SPREADER_CACHE_SIZE (default 10GB, 0 for none) is how much; what was not used for longest \
            goes first. `run --no-cache` does everything anew; `explain` says why something is not reused.
            """,
        subcommands: [Show.self, Prune.self])

    private static func cache() async throws -> OutputCache {
        let settings = try await Command.settings()
        let digests = FileDigests(await Command.existing(settings)?.store)
        return OutputCache(folder: settings.home.appending(path: "cache"), digests: digests)
    }

    /// `cache ls`.
    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "ls", abstract: "List what is kept, newest first.")

        @Option(help: "How to report: text or json.") var format: OutputFormat = .text

        func run() async throws {
            let cache = try await CacheCommand.cache()
            let entries = await cache.entries()
            switch format {
            case .json:
                Output.result(
                    try JSONValue.array(
                        entries.map { entry in
                            [
                                "key": .string(entry.key), "stage": .string(entry.stage), "asset": .string(entry.asset),
                                "run": .string(entry.run), "bytes": .integer(entry.bytes),
                                "seconds": .number(entry.seconds), "madeAt": .string(entry.madeAt.formatted(.iso8601)),
                                "usedAt": .string(entry.usedAt.formatted(.iso8601)),
                            ]
                        }
                    ).text(pretty: true))
            case .text:
                if !entries.isEmpty {
                    Output.result(
                        Output.table(
                            entries.map { entry in
                                [
                                    String(entry.key.prefix(12)), entry.stage, entry.asset,
                                    entry.files.isEmpty ? "-" : "\(ByteCount(entry.bytes))",
                                    "saves \(Duration.seconds(entry.seconds).spoken)",
                                    "used \(Command.moment(entry.usedAt))",
                                ]
                            }))
                }
                Output.message("\(entries.count) outputs, \(ByteCount(OutputCache.bytes(of: entries)))")
            }
        }
    }

    /// `cache prune`.
    struct Prune: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Erase what is kept: all of it, what was not used for long, or what is too much.")

        @Flag(help: "Erase everything.") var all = false
        @Option(help: ArgumentHelp("Erase what was not used for so long, such as 7d.", valueName: "age"))
        var olderThan: String?
        @Option(help: ArgumentHelp("Keep at most so much, such as 5GB.", valueName: "size")) var maxSize: String?

        func validate() throws {
            guard all || olderThan != nil || maxSize != nil else {
                throw ValidationError("say what to erase: --all, --older-than AGE or --max-size SIZE")
            }
            if let olderThan, Duration(parsing: olderThan) == nil {
                throw ValidationError("--older-than takes a duration such as 7d, not \"\(olderThan)\"")
            }
            if let maxSize, ByteCount(parsing: maxSize) == nil {
                throw ValidationError("--max-size takes a size such as 5GB, not \"\(maxSize)\"")
            }
        }

        func run() async throws {
            let cache = try await CacheCommand.cache()
            let age = olderThan.flatMap { Duration(parsing: $0) }
            let pruned = await cache.prune(
                unusedSince: all ? .distantFuture : age.map { Date().addingTimeInterval(-$0.inSeconds) },
                limit: maxSize.flatMap { ByteCount(parsing: $0) })
            Output.result("erased \(pruned.entries) outputs, \(ByteCount(pruned.bytes))")
        }
    }
}
