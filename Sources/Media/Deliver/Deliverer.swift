import Foundation
package import PipelineKit

/// Writes deliveries; the entry point for stages.
package enum Deliverer {
    /// A finished delivery and how it was made.
    package struct Delivery: Sendable {
        package var path: String
        package var bytes: Int64
        package var sha256: String
        /// The decision that was carried out; differs from the planned one if a copy did not meet the spec.
        package var decision: DeliveryDecision
        /// Duration in seconds as measured in the file.
        package var duration: Double
        /// Problems that the user should know of.
        package var warnings: [String]
    }

    /// Writes a delivery to `path`, on threads of its own.
    ///
    /// The file appears at `path` only when it is complete and verified; on failure nothing is left behind.
    package static func deliver(
        _ media: ProbedMedia, options: DeliveryOptions, to path: String,
        progress: @escaping @Sendable (StageProgress) -> Void
    ) async throws(StageError) -> Delivery {
        try await BlockingWork.run(name: "media-load") { (_) throws(StageError) in try MediaLibraries.load() }
        let writer = DeliveryWriter(media: media, path: path, progress: progress)
        let decision = try await writer.settled(try DeliveryDecision(for: media, options: options), options: options)
        do throws(StageError) {
            return try await writer.write(decision, options: options)
        } catch {
            // If a copy fails the verification, fall back to encoding, which always works.
            guard decision.video != .encode, options.passthrough != .require,
                [.media, .overLimit].contains(error.code)
            else { throw error }
            var encoding = options
            encoding.passthrough = .never
            var fallback = try DeliveryDecision(for: media, options: encoding)
            fallback.videoReasons = ["a copy of the packets does not meet the delivery spec: \(error.message)"]
            return try await writer.write(fallback, options: encoding)
        }
    }
}
