import ArgumentParser
import Foundation
import PipelineKit
import SpreaderApp
import Store

struct CacheCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cache", abstract: "Show or delete cached stage outputs.",
        discussion: """
            The outputs of pure stages are cached on this machine and reused by every run with the same footage, \
            options and versions. SPREADER_CACHE_SIZE limits the cache (default 10GB; 0 turns it off); the least \
            recently used outputs are deleted first. `run --no-cache` reruns every stage; `explain` shows why an \
            output is not reused.
            """,
        subcommands: [Show.self, Prune.self])

    private static func cache() async throws -> OutputCache {
        let settings = try await Settings.load()
        let digests = FileDigests(await HostAssembly.existing(settings)?.store)
        return OutputCache(folder: settings.home.appending(path: "cache"), digests: digests)
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls", abstract: "List cached outputs, newest first.")

        @OptionGroup var output: FormatOption

        func run() async throws {
            let cache = try await CacheCommand.cache()
            let entries = await cache.entries()
            switch output.format {
            case .json:
                Output.result(
                    try JSONValue.array(
                        entries.map { entry in
                            [
                                "key": .string(entry.key), "stage": .string(entry.origin.stage),
                                "asset": .string(entry.origin.asset),
                                "run": .string(entry.origin.run), "bytes": .integer(entry.bytes),
                                "seconds": .number(entry.origin.seconds),
                                "madeAt": .string(entry.origin.madeAt.formatted(.iso8601)),
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
                                    String(entry.key.prefix(12)), entry.origin.stage, entry.origin.asset,
                                    entry.files.isEmpty ? "-" : "\(ByteCount(entry.bytes))",
                                    "saves \(Duration.seconds(entry.origin.seconds).spoken)",
                                    "used \(entry.usedAt.forTables)",
                                ]
                            }))
                }
                Output.message("\(entries.count) outputs, \(ByteCount(OutputCache.bytes(of: entries)))")
            }
        }
    }

    struct Prune: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete cached outputs: all of them, by age or by total size.")

        @Flag(help: "Delete everything.") var all = false
        @Option(help: ArgumentHelp("Delete outputs unused for this long, such as 7d.", valueName: "age"))
        var olderThan: String?
        @Option(help: ArgumentHelp("Maximum size to keep, such as 5GB.", valueName: "size")) var maxSize: String?

        func validate() throws {
            guard all || olderThan != nil || maxSize != nil else {
                throw ValidationError("give --all, --older-than AGE or --max-size SIZE")
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
            Output.result("deleted \(pruned.entries) outputs, \(ByteCount(pruned.bytes))")
        }
    }
}
