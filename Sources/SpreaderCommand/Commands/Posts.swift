import ArgumentParser
import Foundation
import PipelineKit
import Posting
import SpreaderApp
import Store

struct Posts: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List posts, and resolve those with an unknown outcome.",
        subcommands: [List.self, Resolve.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List posts, most recently updated first.")

        @Option(help: "Maximum number to list.") var limit = 50
        @Option(help: "Only posts in this state, such as unconfirmed.") var state: String?
        @OptionGroup var database: DatabaseOption
        @OptionGroup var output: FormatOption

        func validate() throws {
            if let state, PostState(rawValue: state) == nil {
                throw ValidationError(
                    "--state takes one of \(PostState.allCases.map(\.rawValue).joined(separator: ", "))")
            }
        }

        func run() async throws {
            let assembly = try await Runs.open(database.db)
            let states = state.flatMap { PostState(rawValue: $0) }.map { Set([$0]) }
            let posts = try await assembly.ledger.posts(states: states, limit: max(1, limit))
            if output.format == .json {
                return Output.result(try JSONValue.array(posts.map(Posts.json)).text(pretty: true))
            }
            if posts.isEmpty { return Output.message("no posts yet") }
            Output.result(
                Output.table(
                    posts.map {
                        [
                            $0.id, $0.state.rawValue, $0.asset, $0.updatedAt.forTables,
                            $0.url ?? $0.reason ?? $0.publishID ?? "",
                        ]
                    }))
        }
    }

    struct Resolve: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Record whether an unconfirmed post is on the account.",
            discussion: """
                Look at the account first: the next run sends a post again after --not-posted.

                Examples:
                  spreader-pipeline posts list --state unconfirmed
                  spreader-pipeline posts resolve post-4f1c --posted
                """)

        @Argument(help: "Post ID, or the start of it.") var id: String
        @Flag(help: "The post is on the account.") var posted = false
        @Flag(help: "The post is not on the account.") var notPosted = false
        @OptionGroup var database: DatabaseOption

        func validate() throws {
            if posted == notPosted { throw ValidationError("give either --posted or --not-posted") }
        }

        func run() async throws {
            let assembly = try await Runs.open(database.db)
            let post = try await assembly.ledger.post(idPrefix: id)
            guard let post else {
                Output.message(
                    "error: no post, or more than one, has an ID that starts with \"\(id)\" (see: spreader-pipeline posts list)"
                )
                throw ExitCode(64)
            }
            guard post.state == .unconfirmed else {
                Output.message(
                    "error: post \(post.id) is \(post.state.rawValue); only unconfirmed posts can be resolved")
                throw ExitCode(64)
            }
            let change: PostChange =
                posted ? .published(postIDs: [], url: nil) : .failed(reason: "resolved by hand as not posted")
            let settled = try await assembly.ledger.apply(change, to: post.id)
            Output.result("\(settled.id)  \(settled.state.rawValue)")
        }
    }

    static func json(_ post: PostRecord) -> JSONValue {
        [
            "id": .string(post.id), "state": .string(post.state.rawValue), "asset": .string(post.asset),
            "run": .string(post.runID), "account": .string(post.key.account), "digest": .string(post.key.digest),
            "publishId": post.publishID.map(JSONValue.string) ?? .null, "mode": .string(post.mode.rawValue),
            "title": post.announcement?.title.map(JSONValue.string) ?? .null,
            "url": post.url.map(JSONValue.string) ?? .null,
            "postIds": .array(post.postIDs.map(JSONValue.integer)),
            "reason": post.reason.map(JSONValue.string) ?? .null,
            "updatedAt": .string(post.updatedAt.formatted(.iso8601)),
        ]
    }
}
