import Foundation

/// Permission to write one part of a multipart upload.
struct PartTicket: Sendable {
    var uploadID: String
    var number: Int
    var file: URL
    var range: Range<Int64>
    var lease: ChunkLease
}

/// The multipart dialect: `init`, `part` and `complete` upload a video, and `publish/direct` posts it.
extension SandboxEngine {
    /// Seconds during which an upload accepts parts.
    private static let uploadLifetime: TimeInterval = 7200

    /// Opens an upload of the size that the body announces.
    func openParts(bearer: String?, body: SandboxJSON?) throws -> PartUpload {
        let grant = try authorize(bearer, anyOf: ["video.upload"])
        let settings = settings
        try admit(.initialize, of: grant, limit: settings.initPerMinute)
        guard let body, body.objectValue != nil else { throw APIError.body }
        let announced = try PostRequest.parts(of: body, settings: settings)
        guard state.recentPartUploads(at: now()) < settings.multipartUploadsPerDay else {
            throw APIError.rateLimitExceeded
        }
        let upload = PartUpload(
            id: "mp." + String(Identifiers.snowflake()), openID: grant.openID, videoSize: announced.size,
            partSize: announced.partSize, count: announced.count, createdAt: now(),
            expiresAt: now().addingTimeInterval(Self.uploadLifetime))
        try commit(.partsOpened(upload))
        return upload
    }

    /// Throws unless the request may send parts of the upload.
    func checkParts(bearer: String?, uploadID: String?) throws {
        _ = try partUpload(uploadID, bearer: bearer)
    }

    /// Checks a part and permits writing it. Discards the bytes of an earlier part with the same number.
    func beginPart(bearer: String?, uploadID: String?, number: String?, bytes: Int64) throws -> PartTicket {
        let upload = try partUpload(uploadID, bearer: bearer)
        guard upload.videoID == nil else { throw APIError.invalid("The upload is complete already") }
        guard let number = number.flatMap({ Int($0) }), let range = upload.range(ofPart: number, bytes: bytes) else {
            throw APIError.invalid("The part number or its size does not fit the upload")
        }
        let key = Self.leaseKey(uploadID: upload.id, number: number)
        leases[key]?.revoke()
        let lease = ChunkLease()
        leases[key] = lease
        if upload.parts[number] != nil { try commit(.partStored(uploadID: upload.id, number: number, bytes: 0)) }
        return PartTicket(
            uploadID: upload.id, number: number, file: directory.media(upload.id), range: range, lease: lease)
    }

    /// Records a part whose bytes are on disk.
    func commitPart(_ ticket: PartTicket) throws {
        guard !ticket.lease.isRevoked, state.partUploads[ticket.uploadID]?.videoID == nil else {
            throw APIError.invalid("Another request has taken over this part")
        }
        leases[Self.leaseKey(uploadID: ticket.uploadID, number: ticket.number)] = nil
        try commit(
            .partStored(uploadID: ticket.uploadID, number: ticket.number, bytes: Int64(ticket.range.count)))
    }

    /// Turns a complete set of parts into a video.
    func completeParts(bearer: String?, uploadID: String?) throws -> PartUpload {
        var upload = try partUpload(uploadID, bearer: bearer)
        // Idempotent: a repeated request returns the same video.
        if upload.videoID != nil { return upload }
        guard upload.hasAllParts else { throw APIError.invalid("Parts of the upload are missing") }
        let videoID = "vid." + String(Identifiers.snowflake())
        try commit(.partsCompleted(uploadID: upload.id, videoID: videoID))
        upload.videoID = videoID
        return upload
    }

    /// Posts a video. Each call creates another post, because the dialect does not limit a video to one post.
    func publishParts(bearer: String?, body: SandboxJSON?) throws -> String {
        let grant = try authorize(bearer, anyOf: ["video.publish"])
        let settings = settings
        try admit(.initialize, of: grant, limit: settings.initPerMinute)
        guard let body, body.objectValue != nil else { throw APIError.body }
        guard let id = body["video_id"]?.stringValue, let upload = state.partUpload(videoID: id),
            upload.openID == grant.openID
        else { throw APIError.invalid("The video_id does not exist") }
        guard !settings.multipartVideosAreSpent || !state.isPosted(videoID: id) else {
            throw APIError.invalid("The video_id was posted already")
        }
        let details = try PostRequest.details(of: body, settings: settings)
        try checkCaps(of: grant, mode: .direct, settings: settings)
        let publishID = "v_pub_part~v1." + String(Identifiers.snowflake())
        let file = directory.media(publishID)
        guard link(directory.media(upload.id).path, file.path) == 0 else {
            throw PosixError(operation: "link", path: file.path)
        }
        let chunks = AnnouncedChunks(
            videoSize: upload.videoSize, chunkSize: upload.partSize, count: Int64(upload.parts.count))
        var post = newPost(id: publishID, mode: .direct, grant: grant, details: details, chunks: chunks)
        let readyAt = now().addingTimeInterval(settings.processingSeconds)
        post.committed = upload.videoSize
        post.contentType = "video/mp4"
        post.readyAt = readyAt
        post.publicAt = readyAt.addingTimeInterval(settings.moderationSeconds)
        post.videoID = id
        post.longestSeconds = settings.multipartMaxSeconds
        try commit(.postOpened(post))
        inspectionQueue.yield(publishID)
        return publishID
    }

    private static func leaseKey(uploadID: String, number: Int) -> String { "\(uploadID)/\(number)" }

    private func partUpload(_ id: String?, bearer: String?) throws -> PartUpload {
        let grant = try authorize(bearer, anyOf: ["video.upload"])
        guard let id, let upload = state.partUploads[id], upload.openID == grant.openID else {
            throw APIError.invalid("The upload_id does not exist")
        }
        guard upload.expiresAt > now() || upload.videoID != nil else {
            throw APIError.invalid("The upload_id is expired")
        }
        return upload
    }
}
