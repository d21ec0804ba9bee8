import Foundation
import Media
import Testing

/// Where footage is cut, without any footage.
@Suite struct SeriesPlanTests {
    private func plan(_ length: Double, longest: Double = 10, shortest: Double = 2, start: Double = 0) -> SeriesPlan {
        SeriesPlan(
            start: start, end: start + length, rules: SeriesPlan.Rules(longest: longest, shortest: shortest))
    }

    private func scene(_ time: Double, _ strength: Double = 0.8) -> CutCandidate {
        CutCandidate(time: time, strength: strength, kind: .scene)
    }

    private func times(_ plan: SeriesPlan, _ candidates: [CutCandidate]) -> [Double] {
        plan.cuts(at: candidates).map { ($0.time * 1000).rounded() / 1000 }
    }

    @Test(arguments: [(9.0, 1), (10, 1), (10.04, 1), (10.2, 2), (20, 2), (20.04, 2), (25, 3), (100, 10), (101, 11)])
    func makesAsFewPartsAsCanBe(length: Double, count: Int) {
        #expect(plan(length).count == count)
        #expect(plan(length).cuts(at: []).count == count - 1)
    }

    @Test func withoutCandidatesThePartsAreAlike() {
        #expect(times(plan(24), []) == [8, 16])
        #expect(times(plan(24, start: 100), []) == [108, 116])
        #expect(plan(24).cuts(at: []).allSatisfy { $0.kind == .nothing && !$0.isNatural })
    }

    @Test func cutsAtWhatLiesInTheWindows() {
        #expect(plan(24).windows == [4...10, 14...20])
        #expect(times(plan(24), [scene(3.9), scene(7), scene(15), scene(21)]) == [7, 15])
    }

    @Test func ofTwoPlacesTheBetterOneWins() {
        #expect(times(plan(18), [scene(8.4, 0.3), scene(9.6, 0.9)]) == [9.6])
        #expect(times(plan(18), [scene(8.4, 0.8), scene(9.6, 0.8)]) == [8.4])
    }

    @Test func aNaturalPlaceIsBetterThanAnEvenOne() {
        #expect(times(plan(18), [scene(9.9, 0.1)]) == [9.9])
        #expect(
            times(plan(18), [scene(9.9, 0.1), CutCandidate(time: 9, strength: 0, kind: .keyFrame)]) == [9.9])
    }

    @Test func aKeyFrameIsBetterThanNothing() {
        #expect(times(plan(18), [CutCandidate(time: 9.2, strength: 0, kind: .keyFrame)]) == [9.2])
        // But not when it would make parts of very different length.
        #expect(times(plan(18), [CutCandidate(time: 9.9, strength: 0, kind: .keyFrame)]) == [9.9])
    }

    @Test func aTinyLastPartIsAvoided() {
        // Ten, ten and a rest of one second could be, but alike is better.
        let places = [scene(7), scene(9.9), scene(14), scene(19)]
        #expect(times(plan(21, shortest: 1), places) == [7, 14])
    }

    @Test func noPartIsLongerOrShorterThanAllowed() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<300 {
            let length = Double.random(in: 10.1...200, using: &generator)
            let plan = plan(length, start: Double.random(in: -5...50, using: &generator))
            let candidates = (0..<40).map { _ in
                scene(
                    plan.start + Double.random(in: 0...length, using: &generator),
                    Double.random(in: 0...1, using: &generator))
            }
            let bounds = [plan.start] + plan.cuts(at: candidates).map(\.time) + [plan.end]
            for (from, to) in zip(bounds, bounds.dropFirst()) {
                #expect((2 - 1e-5...10 + 1e-5).contains(to - from), "\(from) … \(to) of \(length)")
            }
        }
    }

    @Test func thePlaceOfOnePartFollowsFromTheOthers() {
        // 9.8 alone would be best for the first, but then the second would be too short, or end at nothing.
        let places = [scene(6, 0.5), scene(9.8, 0.9), scene(14.5, 0.8)]
        #expect(times(plan(24, shortest: 5), places) == [6, 14.5])
    }

    @Test func aSceneInASilenceIsTheBestPlace() throws {
        let silences = [Silence(4.0...5.0), Silence(7.0...7.4)]
        let merged = CutCandidate.merged(scenes: [scene(4.9, 0.4), scene(6, 0.9)], silences: silences)
        #expect(merged.map(\.time) == [4.9, 6, 7.2])
        #expect(merged.first?.kind == .quietScene)
        #expect(try #require(merged.first).strength > 0.9)
    }

    @Test func aLongSilenceCanBeCutAnywhereWellWithinIt() {
        let times = Silence(10...16).candidates.map(\.time)
        #expect(times.first == 13)
        #expect(times.allSatisfy { $0 >= 11 && $0 <= 15 })
        #expect(times.count > 5)
    }
}
