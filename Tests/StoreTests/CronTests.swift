import Foundation
import Testing

@testable import Store

@Suite struct CronTests {
    private let berlin = TimeZone(identifier: "Europe/Berlin") ?? .gmt

    private func date(_ text: String) throws -> Date { try Date(text, strategy: .iso8601) }

    /// The ticks in universal time.
    private func ticks(
        _ expression: String, from start: String, to end: String, in zone: TimeZone = .gmt
    ) throws -> [String] {
        try CronExpression(expression).ticks(after: try date(start), through: try date(end), in: zone)
            .map { $0.date.formatted(.iso8601) }
    }

    @Test func fridaysAtSixInTheEvening() throws {
        // In Berlin: 16:00 in summer, 17:00 in winter.
        #expect(
            try ticks("0 18 * * fri", from: "2026-10-16T00:00:00Z", to: "2026-10-31T00:00:00Z", in: berlin) == [
                "2026-10-16T16:00:00Z", "2026-10-23T16:00:00Z", "2026-10-30T17:00:00Z",
            ])
    }

    @Test(arguments: [
        ("*/20 9-10 * * *", ["09:00", "09:20", "09:40", "10:00", "10:20", "10:40"]),
        ("5,50 23 * * *", ["23:05", "23:50"]),
        ("30 2/10 * * *", ["02:30", "12:30", "22:30"]), ("@daily", ["00:00"]), ("0 0 25 nov *", ["00:00"]),
        ("0 0 1 * wed", ["00:00"]), ("0 0 1 * thu", []), ("0 0 * * 0", []), ("0 12 25 11 wed", ["12:00"]),
    ])
    func tablesOfAWednesday(expression: String, times: [String]) throws {
        let found = try ticks(expression, from: "2026-11-24T23:59:00Z", to: "2026-11-25T23:59:00Z")
        #expect(found == times.map { "2026-11-25T\($0):00Z" })
    }

    @Test func bothNamesOfSundayAreOne() throws {
        #expect(
            try ticks("0 0 * * 7", from: "2026-11-22T12:00:00Z", to: "2026-11-30T00:00:00Z")
                == ticks("0 0 * * sun", from: "2026-11-22T12:00:00Z", to: "2026-11-30T00:00:00Z"))
    }

    @Test func aSkippedHourIsMadeUpForAndATwofoldOneCountsOnce() throws {
        // 29 March 2026: 02:00 becomes 03:00, which is 01:00 in universal time.
        #expect(
            try ticks("30 2 * * *", from: "2026-03-28T12:00:00Z", to: "2026-03-29T12:00:00Z", in: berlin)
                == ["2026-03-29T01:00:00Z"])
        #expect(
            try ticks("30 * * * *", from: "2026-03-29T00:00:00Z", to: "2026-03-29T02:00:00Z", in: berlin)
                == ["2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"])
        // 25 October 2026: 03:00 becomes 02:00. The same name means one tick.
        let twice = try CronExpression("30 2 * * *").ticks(
            after: try date("2026-10-24T12:00:00Z"), through: try date("2026-10-25T12:00:00Z"), in: berlin)
        #expect(Set(twice.map(\.name)).count == 1)
        #expect(twice.first?.date == (try date("2026-10-25T00:30:00Z")))
        let hourly = try CronExpression("30 * * * *").ticks(
            after: try date("2026-10-25T00:00:00Z"), through: try date("2026-10-25T02:00:00Z"), in: berlin)
        #expect(Set(hourly.map(\.name)).count == 2)
    }

    @Test(arguments: [
        ("0 18 * *", "has 4 fields"), ("60 * * * *", "\"60\" is not a valid minute"),
        ("0 24 * * *", "is not a valid hour"),
        ("0 0 0 * *", "is not a valid day of the month"), ("0 0 * foo *", "\"foo\" is not a valid month"),
        ("0 0 * * mon-", "is not a valid day of the week"),
        ("*/0 * * * *", "is not a valid minute"), ("5-1 * * * *", "is not a valid minute"), ("", "has 0 fields"),
        ("1/2/3 * * * *", "is not a valid minute"),
    ])
    func wrongTablesAreTold(expression: String, words: String) {
        let problem = #expect(throws: CronExpression.Problem.self) { try CronExpression(expression) }
        #expect(problem?.message.contains(words) == true, "\(String(describing: problem))")
    }
}
