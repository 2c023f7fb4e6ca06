"""tmp"""
import asyncio, tempfile, sys
from pathlib import Path
from benchmarks.rollback import fleet, cutting
from benchmarks.rollback.shoppers import Shoppers
from benchmarks.figures import Results, Bar
BARS=(Bar("decision_to_last_candidate_payment_p99_s","s","<= 1","p99"),Bar("sent_to_candidate_by_resumed_process","p","== 0","sum"))
async def main():
    res=Results(BARS)
    folder=Path(tempfile.mkdtemp(prefix="interlock-rb-")); folder.chmod(0o755); print(folder)
    async with fleet.running(folder, processes=4, doors=2) as f:
        print(f.nodes)
        sh=Shoppers([(n.name,n.url) for n in f.nodes], f.key, rate_per_s=60, seed=7)
        await sh.open()
        try:
            cuts=await cutting.measure(f,sh,int(sys.argv[1]),7,res,lambda t:print(t,flush=True))
            for c in cuts: print(c)
            print(cutting.details(cuts))
            print(res.figures())
        finally: await sh.close()
asyncio.run(main())
