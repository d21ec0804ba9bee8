import Foundation

extension Job {
    /// Reads a row of `jobs`.
    init(_ row: SQLRow) throws {
        id = try row.get("id")
        work = try NewJob(row)
        state = JobState(rawValue: try row.get("state")) ?? .discarded
        attempt = try row.get("attempt")
        insertedAt = try row.get("insertedAt")
        scheduledAt = try row.get("scheduledAt")
        attemptedAt = try row.get("attemptedAt")
        finishedAt = try row.get("finishedAt")
        worker = try row.get("worker")
        leaseUntil = try row.get("leaseUntil")
        stage = try row.get("stage")
        progress = try row.get("progress")
        message = try row.get("message")
        runID = try row.get("runID")
        needs = JobLabels.parse(try row.get("needs"))
    }
}

extension NewJob {
    /// Reads the columns of a row of `jobs` that were set when the job was inserted.
    init(_ row: SQLRow) throws {
        self.init(
            pipeline: try row.get("pipeline"), name: try row.get("name"), asset: try row.get("asset"),
            directory: try row.get("directory"))
        options = try JSONText.decode(try row.get("options"))
        account = try row.get("account")
        queue = try row.get("queue")
        priority = try row.get("priority")
        maxAttempts = try row.get("maxAttempts")
        scheduledAt = try row.get("scheduledAt")
        uniqueKey = try row.get("uniqueKey")
        labels = JobLabels.parse(try row.get("labels"))
        footage = try row.get("footage", as: String?.self).map { try JSONText.decode($0) }
    }
}

/// Labels as the text of a column.
enum JobLabels {
    /// Sorted and without duplicates, so that equal sets are equal in the database.
    static func text(_ labels: [String]) -> String { Set(labels).sorted().joined(separator: ",") }

    static func parse(_ text: String) -> [String] { text.split(separator: ",").map(String.init) }
}
