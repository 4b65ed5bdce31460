"""Programs of frameworks that people use, run for real: LangChain, LangGraph, LlamaIndex, pandas, polars, Arrow."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Annotated, Any, TypedDict

import pandas as pd
import polars as pl
import pyarrow as pa
from _bench import SHELF, Names, extract, program, summarise
from langchain_core.callbacks import CallbackManagerForLLMRun, CallbackManagerForRetrieverRun
from langchain_core.documents import BaseDocumentTransformer, Document
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.prompts import ChatPromptTemplate, PromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda, RunnableParallel, RunnablePassthrough
from langchain_core.tools import tool
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode
from llama_index.core import Document as LlamaDocument
from llama_index.core import SummaryIndex
from llama_index.core.llms import CompletionResponse, CustomLLM, LLMMetadata
from llama_index.core.node_parser import SentenceWindowNodeParser
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import get_response_synthesizer
from llama_index.core.schema import NodeWithScore, TextNode
from programs import HANDBOOK, QUESTION

import provsdk

# -- LangChain


@provsdk.traced_source(type="file", name=lambda name: name)
def document(name: str) -> Document:
    return Document(page_content=str(SHELF[name].encode(), "utf-8"), metadata={"source": name})


class Shelf(BaseRetriever):
    names: Names

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return [document(name) for name in self.names]


class Extractive(BaseChatModel):
    """Answers from its messages as `extract` does."""

    question: str = QUESTION

    @property
    def _llm_type(self) -> str:
        return "extractive"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        answer = extract([str(message.content) for message in messages], self.question)
        return ChatResult(generations=[ChatGeneration(message=AIMessage(content=answer))])


def joined(documents: list[Document]) -> str:
    return "\n\n".join(each.page_content for each in documents)


ASKED = ChatPromptTemplate.from_messages(
    [("system", "Answer from these pages only.\n\n{context}"), ("human", "{question}")]
)


@program("LangChain: retriever, template, chat model", HANDBOOK, "parcels")
def lang_chain(names: Names) -> str:
    chain = (
        {"context": Shelf(names=names) | joined, "question": RunnablePassthrough()}
        | ASKED
        | Extractive()
        | StrOutputParser()
    )
    return str(chain.invoke(QUESTION))


@program("LangChain: two of the documents in the prompt", HANDBOOK, "returns")
def lang_chain_filtered(names: Names) -> str:
    keep = RunnableLambda(lambda found: [each for each in found if each.metadata["source"] in {"returns", "letters"}])
    context = (Shelf(names=names) | keep | joined).invoke("returns")
    prompt = PromptTemplate.from_template("Answer.\n\n{context}").format(context=context)
    return extract(prompt, "Within how many days is a delivery free to return?")


class Shortened(BaseDocumentTransformer):
    def transform_documents(self, documents: Any, **kwargs: Any) -> list[Document]:
        return [Document(page_content=each.page_content.split(". ")[0], metadata=each.metadata) for each in documents]


@program("LangChain: documents made shorter, then summarised", HANDBOOK, "parcels returns branches letters")
def lang_chain_transformed(names: Names) -> str:
    shorter = Shortened().transform_documents(Shelf(names=names).invoke("everything"))
    return summarise("Summarise.\n\n" + joined(shorter))


@program("LangChain: map, then reduce", HANDBOOK, "parcels returns branches letters")
def lang_chain_map_reduce(names: Names) -> str:
    each = RunnableLambda(lambda name: summarise("Summarise.\n\n" + document(name).page_content))
    return summarise("Join.\n\n" + "\n\n".join(each.batch(list(names))))


@program("LangChain: two branches at the same time, one is kept", HANDBOOK, "branches")
def lang_chain_parallel(names: Names) -> str:
    def asked(name: str) -> Any:
        return RunnableLambda(lambda question: extract(document(name).page_content, question))

    both = RunnableParallel(one=asked("branches"), other=asked("letters"))
    return str(both.invoke("When does the branch open in the morning?")["one"])


# -- LangGraph: an agent with tools


class Talk(TypedDict):
    messages: Annotated[list[Any], add_messages]


@tool
def look_up(name: str) -> str:
    """Reads a page of the handbook."""
    return document(name).page_content


@provsdk.traced_model_call("agent", provider="bench", model="agent-1")
def decide(messages: list[Any], wanted: Names) -> AIMessage:
    """Asks for one page after another, then answers from those that it has seen."""
    seen = [message for message in messages if isinstance(message, ToolMessage)]
    if len(seen) < len(wanted):
        call = {"name": "look_up", "args": {"name": wanted[len(seen)]}, "id": f"call-{len(seen)}", "type": "tool_call"}
        return AIMessage(content="", tool_calls=[call])
    return AIMessage(content=" ".join(str(message.content).split(".")[0] + "." for message in seen))


def agent(wanted: Names) -> Any:
    graph = StateGraph(Talk)
    graph.add_node("model", lambda state: {"messages": [decide(state["messages"], wanted)]})
    graph.add_node("tools", ToolNode([look_up]))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", lambda state: "tools" if state["messages"][-1].tool_calls else END)
    graph.add_edge("tools", "model")
    return graph.compile()


@program("LangGraph: an agent that reads two pages of four", HANDBOOK, "branches letters")
def lang_graph(names: Names) -> str:
    for name in ("parcels", "returns"):
        document(name)  # prepared for the prompt of another branch
    found = agent(("branches", "letters")).invoke({"messages": [HumanMessage("What about branches and letters?")]})
    return str(found["messages"][-1].content)


@program("LangGraph: an agent that reads a page and ignores it", HANDBOOK, "returns")
def lang_graph_ignores(names: Names) -> str:
    found = agent(("parcels", "returns")).invoke({"messages": [HumanMessage("What about returns?")]})
    return str(found["messages"][-2].content)


# -- LlamaIndex


@provsdk.traced_source(type="file", name=lambda name: name)
def node(name: str) -> TextNode:
    return TextNode(text=str(SHELF[name].encode(), "utf-8"), id_=name)


@provsdk.traced_source(type="file", name=lambda name: name)
def llama_document(name: str) -> LlamaDocument:
    return LlamaDocument(text=str(SHELF[name].encode(), "utf-8"), id_=name)


class ExtractiveLLM(CustomLLM):
    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(context_window=100_000)

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        pages, _, _ = prompt.partition("Query:")
        return CompletionResponse(text=extract(pages, QUESTION))

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Iterator[CompletionResponse]:
        yield self.complete(prompt, formatted, **kwargs)


class OnlyAbout(BaseNodePostprocessor):
    word: str

    def _postprocess_nodes(self, nodes: list[NodeWithScore], query_bundle: Any = None) -> list[NodeWithScore]:
        return [each for each in nodes if self.word in each.node.get_content()]


@program("LlamaIndex: query engine over an index", HANDBOOK, "parcels")
def llama_index(names: Names) -> str:
    engine = SummaryIndex([node(name) for name in names]).as_query_engine(llm=ExtractiveLLM())
    return str(engine.query(QUESTION))


@program("LlamaIndex: a postprocessor keeps some nodes", HANDBOOK, "parcels")
def llama_index_filtered(names: Names) -> str:
    engine = RetrieverQueryEngine(
        retriever=SummaryIndex([node(name) for name in names]).as_retriever(),
        response_synthesizer=get_response_synthesizer(llm=ExtractiveLLM()),
        node_postprocessors=[OnlyAbout(word="nobody fetches")],
    )
    return str(engine.query(QUESTION))


@program("LlamaIndex: documents split into sentences", HANDBOOK, "branches")
def llama_index_split(names: Names) -> str:
    splitter = SentenceWindowNodeParser.from_defaults(window_size=1)
    nodes = splitter.get_nodes_from_documents([llama_document(name) for name in names])
    best = [each.get_content() for each in nodes if "Saturdays" in each.get_content()]
    return summarise("Summarise.\n\n" + "\n\n".join(best))


# -- tables


TABLE = {
    "orders": "7,The box arrived open and half of the plates were broken\n8,The invoice names an old address of hers\n",
    "customers": "7,Prefers to be called after five o'clock\n8,Has moved to Spandau in the spring of last year\n",
    "prices": "1,Nineteen euros and ninety-nine cents for a plate\n2,Four euros for a cup without a handle\n",
}


def csv(name: str) -> io.StringIO:
    return io.StringIO("customer,text\n" + SHELF[name])


@provsdk.traced_source(type="file", name=lambda name: name)
def frame(name: str) -> pd.DataFrame:
    return pd.read_csv(csv(name))


@provsdk.traced_source(type="file", name=lambda name: name)
def polars_frame(name: str) -> pl.DataFrame:
    return pl.read_csv(csv(name))


@provsdk.traced_source(type="file", name=lambda name: name)
def arrow_table(name: str) -> pa.Table:
    return pa.Table.from_pandas(pd.read_csv(csv(name)))


@provsdk.traced_transform("join")
def join(left: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
    return left.merge(right, on="customer")


@program("pandas: two tables joined, texts of the rows in the prompt", TABLE, "orders customers")
def pandas_join(names: Names) -> str:
    orders, customers, _ = (frame(name) for name in names)
    rows = join(orders, customers)
    return "\n".join(f"{row.text_x}. Note: {row.text_y}." for row in rows.itertuples())


@program("pandas: one column of one table", TABLE, "customers")
def pandas_column(names: Names) -> str:
    _, customers, _ = (frame(name) for name in names)
    return summarise("Summarise.\n\n" + "\n\n".join(customers["text"]))


@program("polars: rows filtered, then told", TABLE, "orders")
def polars_filter(names: Names) -> str:
    orders, _, _ = (polars_frame(name) for name in names)
    return " / ".join(orders.filter(pl.col("customer") >= 7)["text"].to_list())


@program("Arrow: batches as JSON rows", TABLE, "prices")
def arrow_rows(names: Names) -> Any:
    _, _, prices = (arrow_table(name) for name in names)
    return {"prices": [row for batch in prices.to_batches(max_chunksize=1) for row in batch.to_pylist()]}
